// A letter that comes late: a finished substrate takes it, a trained expert learns it, and still docks with its past.
#include <accrete/accrete.hpp>
#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <accrete/substrate/glyph_extension.hpp>
#include <cstdio>

using namespace accrete;

inline constexpr BlockConfig small{.model_dim = 32, .head_count = 2, .hidden_dim = 64};
using Expert = Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<small, CpuBackend>>>>;

namespace {

// Phases of the moon as letters of one's own, at the first places that Unicode leaves to its users: new, full, first
// and last quarter. Each is sixteen rows of sixteen pixels.
constexpr char const* font_text =
    "E000:03C00C30100820042004400240024002400240022004200410080C3003C00000\n"
    "E001:03C00FF01FF83FFC3FFC7FFE7FFE7FFE7FFE7FFE3FFC3FFC1FF80FF003C00000\n"
    "E002:03C00CF010F820FC20FC40FE40FE40FE40FE40FE20FC20FC10F80CF003C00000\n"
    "E003:03C00F301F083F043F047F027F027F027F027F023F043F041F080F3003C00000\n";

void train(Expert& expert, std::string const& cycle) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += cycle;
  Batches batches(BpeTokenizer(expert.substrate().vocabulary()).encode(text), {.batch = 4, .time = 16});
  auto const result = Trainer{expert, AdamW{.learning_rate = 3e-3}, {.steps = 80}}.fit(batches);
  std::printf("%ld tokens: loss %.3f\n", expert.substrate().vocabulary_size(), result.last_loss);
}

}  // namespace

int main() {
  HexRasterizer const font(HexFont::parse(font_text, "moon.hex"));
  std::vector<Token> const tokens{{"<s>", TokenKind::special}, {"</s>", TokenKind::special},
                                  {"\uE000"}, {"\uE001"}, {"\uE002"}};
  Substrate const substrate = build_glyph_substrate(Vocabulary(tokens, {}), font, CleanRecipe{}, 4);
  Expert expert{CpuBackend(), substrate, {.seed = 1, .planned_depth = 2}};
  expert.body().grow(1);
  train(expert, "\uE000\uE002\uE001");
  CheckpointWriter{expert}.save("before.safetensors");

  // The last quarter: drawn by the same recipe, projected with the stored basis. No older row or id changes.
  Substrate const larger =
      extend_glyph_substrate(substrate, std::vector<Token>{{"\uE003"}}, font, CleanRecipe{});
  expert.grow_vocabulary(larger);
  expert.body().grow(1);
  train(expert, "\uE000\uE002\uE001\uE003");

  // The expert as it was and as it is: the pair speaks what both know.
  Expert before{CpuBackend(), substrate};
  CheckpointReader("before.safetensors").restore(before);
  GenerateOptions const greedy{.max_tokens = 6, .sampling = {.temperature = 0}};
  std::printf("after:  %s\n", generate(expert, "\uE000", greedy).c_str());
  std::printf("before: %s\n", generate(before, "\uE000", greedy).c_str());
  Ensemble const both{std::move(before), std::move(expert)};
  std::printf("both, on %ld tokens: %s\n", both.substrate().vocabulary_size(), generate(both, "\uE000", greedy).c_str());
  return both.substrate() == substrate ? 0 : 1;
}
