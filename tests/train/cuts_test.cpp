// A growth run that is cut again and again, anywhere, ends as one that is not. ACCRETE_TEST_CUTS says how often.
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <string>

#include <accrete/train/growth_run.hpp>
#include <boost/test/unit_test.hpp>

#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(cuts)

namespace {

struct Cut {};

/// Batches that end the process, so to speak, when so many have been taken: in the midst of a step's accumulation, too.
struct CutBatches {
  Batches batches;
  Index left = std::numeric_limits<Index>::max();

  [[nodiscard]] Index batch() const { return batches.batch(); }
  [[nodiscard]] Index time() const { return batches.time(); }
  void next(std::span<TokenId> ids, std::span<TokenId> targets) {
    if (left-- == 0) throw Cut{};
    batches.next(ids, targets);
  }
  [[nodiscard]] Json state() const { return batches.state(); }
  void restore(Json const& state) { batches.restore(state); }
};

constexpr Index vocabulary = 23, accumulation = 3, all_steps = 1000, between_checkpoints = 4;

/// Blocks, their adapters, blocks in the middle with the moments of others, a plateau: 1,000 steps of 3 batches.
GrowthPlan plan_of_all() {
  PlannedSchedule const schedule{.warmup_steps = 5, .learning_rate = 1e-3};
  LoraPhase const lora{
      .adapters = {.rank = 2, .alpha = 4, .targets = {"attention.value", "feed_forward.up"}},
      .budget = {.amount = 200},
      .schedule = schedule,
      .moments = MomentsPolicy::kept};
  GrowthPlan plan;
  plan.model.block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24};
  plan.training = {.seed = 5, .batch = 2, .time = 5, .accumulation = accumulation};
  plan.stages = {{.blocks = 1, .budget = {.amount = 300}, .schedule = schedule},
                 {.blocks = 1,
                  .start = BlockStart::zero_output,
                  .budget = {.amount = 200},
                  .schedule = schedule,
                  .moments = MomentsPolicy::kept,
                  .lora = lora},
                 {.blocks = 1,
                  .start = BlockStart::middle,
                  .budget = {.amount = 300},
                  .schedule = schedule,
                  .moments = MomentsPolicy::copied}};
  return plan;
}

/// SHA-256 of the checkpoints of a run: parameters, moments, counts, places in data and plan.
using States = std::map<Index, std::string>;

/// One process: it goes on from the checkpoint, if there is one, and saves every few steps. Returns whether it came to
/// the end.
bool go_on(std::filesystem::path const& path, Index most_batches, States& states) {
  GrowthPlan const plan = plan_of_all();
  CpuModel model{Cpu(1), random_substrate(vocabulary, 8), body_options<CpuModel>(plan)};
  CutBatches batches{random_batches(vocabulary, 2, 5), most_batches};
  GrowthRun<CpuModel, CutBatches>* running = nullptr;
  GrowthRunOptions options;
  options.on_step = [&](GrowthStepReport const& report) {
    if (report.total_steps % between_checkpoints != 0) return;
    running->save(path);
    std::string const hash = sha256_of_file(path);
    BOOST_TEST(states.emplace(report.total_steps, hash).first->second == hash,
               "the state after step " << report.total_steps);
  };
  GrowthRun<CpuModel, CutBatches> run(model, batches, plan, options);
  running = &run;
  if (std::filesystem::exists(path)) run.restore(CheckpointReader(path));
  try {
    run.run();
  } catch (Cut const&) {
    return false;
  }
  run.save(path);
  std::string const hash = sha256_of_file(path);
  BOOST_TEST(states.emplace(all_steps + 1, hash).first->second == hash, "the state at the end");
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(all_state_is_the_same_to_the_byte_wherever_a_run_is_cut) {
  ScratchFolder const folder;
  file_calls().fsync = [](int) { return 0; };  // no power fails here
  States states;
  BOOST_TEST(go_on(folder / "straight", std::numeric_limits<Index>::max(), states));
  BOOST_TEST(states.size() == static_cast<std::size_t>(all_steps / between_checkpoints + 1));

  char const* const wanted = std::getenv("ACCRETE_TEST_CUTS");
  int const cuts = wanted == nullptr ? 50 : std::atoi(wanted);
  std::mt19937_64 random(11);
  int done = 0, inside_a_step = 0;
  // Each cut falls at random within twice an equal share of the batches that are left.
  for (bool finished = false; !finished;) {
    Index const share = 2 * accumulation * all_steps / (cuts + 1);
    auto const most = done < cuts
                          ? static_cast<Index>(random() % static_cast<std::uint64_t>(share)) + 1
                          : std::numeric_limits<Index>::max();
    finished = go_on(folder / "cut", most, states);
    if (finished &&
        done < cuts) {  // it came to its end before all cuts: once more from the beginning
      std::filesystem::remove(folder / "cut");
      finished = false;
    } else if (!finished) {
      ++done;
      inside_a_step += most % accumulation != 0 ? 1 : 0;
    }
  }
  file_calls() = posix_file_calls();
  BOOST_TEST_MESSAGE(done << " cuts, " << inside_a_step << " of them inside a step");
  BOOST_TEST(done == cuts);
}

BOOST_AUTO_TEST_SUITE_END()
