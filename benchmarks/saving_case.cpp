#include "saving_case.hpp"

#include <chrono>
#include <filesystem>
#include <vector>

#include "blank_substrate.hpp"
#include "machine.hpp"

namespace bench {

using namespace accrete;

Json run_saving_case(int repeats, int threads) {
  using Model =
      Decoder<LearnedEmbedding, Growable<Stack<TransformerBlock<dynamic_block, CpuBackend>>>>;
  constexpr Index vocabulary = 8192, steps = 20;
  Model model{
      CpuBackend(threads),
      blank_substrate(vocabulary),
      {.planned_depth = 6, .block = {.model_dim = 256, .head_count = 8, .hidden_dim = 1024}}};
  model.body().grow(6);
  std::vector<TokenId> tokens(1 << 16);
  RandomStream const stream(1, 1);
  for (std::size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = static_cast<TokenId>(stream.uniform(i) * static_cast<double>(vocabulary));
  Batches batches(std::move(tokens), {.batch = 8, .time = 256});
  Trainer trainer{model, AdamW{}};

  std::filesystem::path const folder = "out/bench-saving";
  CheckpointFolder direct(folder / "direct"),
      background(folder / "background", {.background = true});
  Index step = 0;
  auto const save = [&](CheckpointFolder& to) {
    to.save(CheckpointWriter{model}.with(trainer).with(batches), ++step);
  };
  auto const stretch = [&](CheckpointFolder* to) {
    auto const start = std::chrono::steady_clock::now();
    if (to != nullptr) save(*to);
    for (Index i = 0; i < steps; ++i) trainer.step(batches);
    if (to != nullptr) to->finish();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  stretch(&background);  // it has its memory now
  std::vector<double> without, with_direct, with_background;
  for (int i = 0; i < repeats; ++i) {
    without.push_back(stretch(nullptr));
    with_direct.push_back(stretch(&direct));
    with_background.push_back(stretch(&background));
  }
  auto const bytes = std::filesystem::file_size(background.latest()->path);
  std::filesystem::remove_all(folder);
  double const base = median(without);
  auto const percent = [&](std::vector<double> const& seconds) {
    return Json(100 * (median(seconds) / base - 1));
  };
  return Json::object({{"steps", steps},
                       {"file_mib", static_cast<double>(bytes) / (1 << 20)},
                       {"seconds_without", base},
                       {"seconds_direct", median(with_direct)},
                       {"seconds_background", median(with_background)},
                       {"stall_direct_percent", percent(with_direct)},
                       {"stall_background_percent", percent(with_background)}});
}

}  // namespace bench
