// Two experts, grown apart on one substrate, become one model: the mean of their logits. They may differ in width,
// depth and policies; what they share is the frozen substrate.
#include <accrete/accrete.hpp>
#include <cstdio>

using namespace accrete;

inline constexpr BlockConfig narrow{.model_dim = 64, .head_count = 4, .hidden_dim = 256};
inline constexpr BlockConfig wide{.model_dim = 96, .head_count = 4, .hidden_dim = 192};
using First = Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<narrow, CpuBackend>>>>;
using Second = Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<wide, CpuBackend, Swiglu, RmsNorm>>>,
                       LinearHead<RmsNorm>>;

namespace {

// A table of random rows stands in for glyphs here, so that the example needs no font.
Substrate random_substrate(Vocabulary const& vocabulary, Index width) {
  RandomStream const stream(1, 1);
  std::vector<float> table(static_cast<std::size_t>(vocabulary.size() * width));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = static_cast<float>(stream.normals(i)[0] * 0.1);
  return Substrate::from_table(vocabulary, std::move(table), width);
}

template <class Model>
double train(Model& model, std::string const& text, Index steps) {
  Batches batches(BpeTokenizer(model.substrate().vocabulary()).encode(text), {.batch = 4, .time = 32});
  return Trainer{model, AdamW{.learning_rate = 3e-3}, {.steps = steps}}.fit(batches).last_loss;
}

}  // namespace

int main() {
  std::string english, numbers;
  for (int i = 0; i < 200; ++i) {
    english += "the quick brown fox jumps over the lazy dog. ";
    numbers += "one two three four five six seven eight nine ten. ";
  }
  std::vector<TextCorpus> const corpora{{.name = "english", .documents = {english}},
                                        {.name = "numbers", .documents = {numbers}}};
  Substrate const substrate = random_substrate(build_ngram_vocabulary(corpora, {.size = 512}), 32);
  CpuBackend const cpu;

  First first{cpu, substrate, {.seed = 1, .planned_depth = 2}};
  for (int stage = 0; stage < 2; ++stage) {
    first.body().grow(1);
    std::printf("first expert, %ld blocks: loss %.3f\n", first.body().depth(), train(first, english, 60));
  }
  Second second{cpu, substrate, {.seed = 2, .planned_depth = 1}};
  second.body().grow(1);
  std::printf("second expert, %ld block: loss %.3f\n", second.body().depth(), train(second, numbers, 120));

  Ensemble merged{std::move(first), std::move(second)};
  GenerateOptions const greedy{.max_tokens = 12, .sampling = {.temperature = 0}};
  std::printf("the quick|%s\n", generate(merged, "the quick", greedy).c_str());
  std::printf("three four|%s\n", generate(merged, "three four", greedy).c_str());

  // A checkpoint of the whole ensemble, and back.
  CheckpointWriter{merged}.save("merged.safetensors");
  First new_first{cpu, substrate};
  Second new_second{cpu, substrate};
  Ensemble restored{std::move(new_first), std::move(new_second)};
  CheckpointReader("merged.safetensors").restore(restored);
  bool const same = generate(restored, "the quick", greedy) == generate(merged, "the quick", greedy);
  std::printf("restored: %s\n", same ? "the same words" : "other words");
  return same ? 0 : 1;
}
