// Trains an expert on a text of yours, saves it and lets it write. gpu_train.cu is this program on a GPU: the first include
// and the name of the backend are all that differs.
#include <accrete/accrete.hpp>
#include <cstdio>

using Backend = accrete::CpuBackend;
inline constexpr accrete::BlockConfig small{.model_dim = 128, .head_count = 4, .hidden_dim = 512};
using Block = accrete::TransformerBlock<small, Backend>;
using Expert = accrete::Decoder<accrete::FrozenGlyphEmbedding, accrete::Growable<accrete::Stack<Block>>>;

int main(int count, char** arguments) try {
  if (count != 3) throw accrete::ValueError("usage: train TEXT-FILE CHECKPOINT");
  std::string const text = accrete::read_file(arguments[1], 1 << 28);
  std::vector<accrete::TextCorpus> const corpora{{.name = "text", .documents = {text}}};
  auto const vocabulary = accrete::build_ngram_vocabulary(corpora, {.size = 1024});
  auto const table = accrete::random_codes(vocabulary.size(), 32, 1);  // in place of glyphs, which need a font
  auto const substrate = accrete::Substrate::from_table(vocabulary, table, 32);
  accrete::Batches batches(accrete::BpeTokenizer(vocabulary).encode(text), {.batch = 8, .time = 64});

  Expert expert{Backend(), substrate, {.seed = 1, .planned_depth = 4}};
  accrete::TrainerOptions options{.steps = 200};
  options.on_step = [](accrete::StepReport const& report) {
    if (report.step % 20 == 0) std::printf("step %ld: loss %.3f\n", report.step, report.loss);
  };
  for (int stage = 0; stage < 2; ++stage) {
    expert.body().grow(2);  // two new blocks; all earlier ones freeze
    accrete::Trainer{expert, accrete::AdamW{.learning_rate = 2e-3}, options}.fit(batches);
  }
  accrete::CheckpointWriter{expert}.save(arguments[2]);
  std::puts(accrete::generate(expert, "The ", {.max_tokens = 64}).c_str());
} catch (accrete::Error const& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
