// A growth plan on the CUDA backend: stages, adapters, moments, checkpoints.
#include <accrete/backend/cuda/cuda.hpp>
#include <accrete/train/growth_run.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_growth_run)

namespace {

using namespace accrete;
using namespace accrete_test;

constexpr Index vocabulary = 23;
CudaOptions const deterministic{.deterministic = true};

/// Three stages in nine steps: new blocks at random, copies with their moments, and one in the middle with adapters.
GrowthPlan make_plan() {
  PlannedSchedule const schedule{.warmup_steps = 1, .learning_rate = 1e-2};
  GrowthBudget const two{.amount = 2};
  GrowthPlan plan;
  plan.name = "on a device";
  plan.model.block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24};
  plan.training = {.seed = 5, .batch = 2, .time = 5};
  plan.stages = {{.blocks = 1, .budget = {.amount = 3}, .schedule = schedule},
                 {.blocks = 1,
                  .start = BlockStart::copy_stack,
                  .budget = two,
                  .schedule = schedule,
                  .moments = MomentsPolicy::copied},
                 {.blocks = 1,
                  .start = BlockStart::middle,
                  .budget = two,
                  .schedule = schedule,
                  .moments = MomentsPolicy::kept}};
  plan.stages.back().lora = LoraPhase{
      .adapters = {.rank = 2, .alpha = 4, .targets = {"attention.value", "feed_forward.up"}},
      .budget = two,
      .schedule = schedule,
      .moments = MomentsPolicy::kept};
  return plan;
}

/// A model, its batches and their run, as a process makes them anew.
template <class Backend>
struct Process {
  using Model = GrowingModel<Backend>;

  explicit Process(Backend const& backend, GrowthPlan const& plan, GrowthRunOptions options = {})
      : model{backend, random_substrate(vocabulary, 8), body_options<Model>(plan)},
        batches(random_batches(vocabulary, plan.training.batch, plan.training.time)),
        run(model, batches, plan, with_losses(std::move(options))) {}

  GrowthRunOptions with_losses(GrowthRunOptions options) {
    options.on_step = [this](GrowthStepReport const& report) {
      losses.push_back(report.step.loss);
      if (report.total_steps == stop_after) stop.request_stop();
    };
    return options;
  }

  std::vector<double> losses;
  Index stop_after = 0;
  std::stop_source stop;
  Model model;
  Batches batches;
  GrowthRun<Model, Batches> run;
};

void check_nothing_is_left(TestedCuda const& api) {
  BOOST_TEST(api.alive() == 0u);
  BOOST_TEST(api.mistakes().empty());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_plan_runs_as_on_the_cpu) {
  auto const api = std::make_shared<TestedCuda>();
  {
    Process<Cpu> on_cpu(Cpu(1), make_plan());
    Process<CudaBackend> process(CudaBackend(api, deterministic), make_plan());
    BOOST_TEST_REQUIRE(on_cpu.run.run());
    BOOST_TEST_REQUIRE(process.run.run());
    BOOST_TEST(process.losses.size() == 9u);
    BOOST_TEST(all_close(process.losses, on_cpu.losses, 1e-4));
    BOOST_TEST((process.model.structure() == on_cpu.model.structure()));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(a_plan_goes_on_from_a_checkpoint_to_the_bit) {
  ScratchFolder const folder;
  auto const api = std::make_shared<TestedCuda>();
  {
    Process<CudaBackend> whole(CudaBackend(api, deterministic), make_plan());
    BOOST_TEST_REQUIRE(whole.run.run());
    for (Index const steps : {2, 4, 8}) {  // in each stage, and while adapters train
      Process<CudaBackend> first(CudaBackend(api, deterministic), make_plan());
      first.stop_after = steps;
      BOOST_TEST(!first.run.run(first.stop.get_token()));
      first.run.save(folder / "run.safetensors");
      Process<CudaBackend> second(CudaBackend(api, deterministic), make_plan());
      second.run.restore(CheckpointReader(folder / "run.safetensors"));
      BOOST_TEST_REQUIRE(second.run.run());
      BOOST_TEST(same_bits(parameters_of(second.model), parameters_of(whole.model)));
    }
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(a_plan_with_a_prefix_cache_has_the_same_bits) {
  auto const api = std::make_shared<TestedCuda>();
  {
    Process<CudaBackend> without(CudaBackend(api, deterministic), make_plan());
    Process<CudaBackend> with(CudaBackend(api, deterministic), make_plan(),
                              {.prefix_cache = PrefixCacheOptions{.byte_limit = 1 << 16}});
    BOOST_TEST_REQUIRE(without.run.run());
    BOOST_TEST_REQUIRE(with.run.run());
    BOOST_TEST(same_bits(parameters_of(with.model), parameters_of(without.model)));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_CASE(a_plan_runs_in_bfloat16) {
  auto const api = std::make_shared<TestedCuda>();
  {
    Process<Cpu> on_cpu(Cpu(1), make_plan());
    Process<CudaBackendBf16> process(CudaBackendBf16(api), make_plan());
    BOOST_TEST_REQUIRE(on_cpu.run.run());
    BOOST_TEST_REQUIRE(process.run.run());
    BOOST_TEST(all_close(process.losses, on_cpu.losses, 0, 0.02 * on_cpu.losses[0]));
  }
  check_nothing_is_left(*api);
}

BOOST_AUTO_TEST_SUITE_END()
