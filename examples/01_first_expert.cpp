// Grows an expert in two stages on a text of yours, on a substrate drawn from it, and lets it write.
#include <accrete/accrete.hpp>
#include <accrete/glyphs.hpp>
#include <cstdio>

inline constexpr accrete::BlockConfig small{.model_dim = 128, .head_count = 4, .hidden_dim = 512};
using Block = accrete::TransformerBlock<small, accrete::CpuBackend>;
using Expert = accrete::Decoder<accrete::FrozenGlyphEmbedding, accrete::Growable<accrete::Stack<Block>>>;

int main(int count, char** arguments) try {
  if (count != 2) throw accrete::ValueError("usage: first_expert TEXT-FILE");
  std::string const text = accrete::read_file(arguments[1], 1 << 28);
  std::vector<accrete::TextCorpus> const corpora{{.name = "text", .documents = {text}}};
  auto const vocabulary = accrete::build_ngram_vocabulary(corpora, {.size = 1024});
  accrete::FreeTypeRasterizer const font("/usr/share/fonts/opentype/unifont/unifont.otf");
  auto const substrate = accrete::build_glyph_substrate(vocabulary, font, accrete::CleanRecipe{}, 64);
  accrete::Batches batches(accrete::BpeTokenizer(vocabulary).encode(text), {.batch = 8, .time = 64});

  Expert expert{accrete::CpuBackend(), substrate, {.seed = 1, .planned_depth = 4}};
  for (int stage = 0; stage < 2; ++stage) {
    expert.body().grow(2);  // two new blocks; all earlier ones freeze
    accrete::Trainer{expert, accrete::AdamW{.learning_rate = 2e-3}, {.steps = 200}}.fit(batches);
  }
  std::puts(accrete::generate(expert, "The ", {.max_tokens = 64}).c_str());
} catch (accrete::Error const& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
