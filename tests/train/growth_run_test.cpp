#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <accrete/train/growth_run.hpp>

#include "support/all_close.hpp"
#include "support/error_text.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(growth_run)

namespace {

constexpr Index vocabulary = 23;

/// Every way in which a stage can begin, train and end, in 17 steps.
GrowthPlan every_feature() {
  PlannedSchedule const schedule{.warmup_steps = 1, .learning_rate = 1e-2};
  GrowthBudget const three{.amount = 3};
  GrowthBudget const impatient{.kind = GrowthBudget::Kind::plateau,
                               .amount = 50,
                               .patience = 2,
                               .minimal_improvement = 10};  // ends after three validations
  LoraPhase const lora{
      .adapters = {.rank = 2, .alpha = 4, .targets = {"attention.value", "feed_forward.up"}},
      .budget = three,
      .schedule = schedule,
      .moments = MomentsPolicy::kept};
  LoraPhase fresh_lora = lora;
  fresh_lora.moments = MomentsPolicy::fresh;
  fresh_lora.budget = impatient;
  GrowthPlan plan;
  plan.name = "every feature";
  plan.model.block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24};
  plan.training = {.seed = 5, .batch = 2, .time = 5, .validate_every = 1};
  plan.stages = {{.blocks = 2, .budget = three, .schedule = schedule},
                 {.blocks = 2,
                  .start = BlockStart::copy_stack,
                  .budget = {.kind = GrowthBudget::Kind::tokens, .amount = 25},
                  .schedule = schedule,
                  .trains_head = false,
                  .moments = MomentsPolicy::copied},
                 {.blocks = 1,
                  .start = BlockStart::zero_output,
                  .budget = impatient,
                  .schedule = schedule,
                  .moments = MomentsPolicy::kept,
                  .lora = lora},
                 {.blocks = 1,
                  .start = BlockStart::middle,
                  .budget = {.amount = 2},
                  .schedule = schedule,
                  .moments = MomentsPolicy::copied,
                  .lora = fresh_lora}};
  return plan;
}
constexpr Index all_steps = 17;

/// A model, its batches and their run, as a process makes them anew.
struct Process {
  explicit Process(GrowthPlan const& plan = every_feature(), GrowthRunOptions options = {})
      : model{Cpu(1), random_substrate(vocabulary, 8), body_options<CpuModel>(plan)},
        batches(random_batches(vocabulary, plan.training.batch, plan.training.time)),
        run(model, batches, plan, with_validation(std::move(options))) {}

  GrowthRunOptions with_validation(GrowthRunOptions options) {
    options.validate = [this] {
      return score_tokens(model, held_out, 1, {.batch = 2, .time = 5}).mean();
    };
    return options;
  }

  std::vector<TokenId> held_out = random_tokens(20, vocabulary, 6);
  CpuModel model;
  Batches batches;
  GrowthRun<CpuModel, Batches> run;
};

/// What a finished run leaves behind.
struct Result {
  explicit Result(Process& process)
      : parameters(parameters_of(process.model)),
        structure(process.model.structure()),
        position(process.batches.position()),
        steps(process.run.total_steps()),
        tokens(process.run.total_tokens()) {}

  void check_equals(Result const& other) const {
    BOOST_TEST(same_bits(parameters, other.parameters));
    BOOST_TEST((structure == other.structure));
    BOOST_TEST(position == other.position);
    BOOST_TEST(steps == other.steps);
    BOOST_TEST(tokens == other.tokens);
  }

  std::vector<float> parameters;
  Json structure;
  Index position, steps, tokens;
};

Result const& uninterrupted() {
  static Result const result = [] {
    Process process;
    BOOST_TEST_REQUIRE(process.run.run());
    BOOST_TEST(process.run.finished());
    return Result(process);
  }();
  return result;
}

/// Values of the parameters whose names begin with `prefix`, adapters aside.
std::vector<float> values_of(CpuModel& model, std::string const& prefix) {
  std::vector<float> values;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    for (auto const& entry : segment.entries()) {
      bool const is_adapter = entry.name.find(".adapter.") != std::string::npos;
      if (!entry.name.starts_with(prefix) || is_adapter) continue;
      auto const run = segment.values().slice(entry.offset, entry.offset + entry.count).span();
      values.insert(values.end(), run.begin(), run.end());
    }
  });
  return values;
}

}  // namespace

BOOST_AUTO_TEST_CASE(phases_follow_the_plan) {
  std::vector<std::tuple<std::size_t, GrowthPhase, Index, Index>>
      phases;  // stage, phase, depth, steps before
  std::vector<Index> steps;
  GrowthRunOptions options;
  options.on_phase = [&](GrowthPhaseReport const& report) {
    phases.emplace_back(report.stage, report.phase, report.depth, report.steps_before);
    BOOST_TEST(report.stages == 4U);
    BOOST_TEST(report.steps_done == 0);
  };
  options.on_step = [&](GrowthStepReport const& report) {
    steps.push_back(report.total_steps);
    BOOST_TEST(report.step.validation_loss.has_value());
  };
  Index merges = 0;
  options.on_merge = [&](double bound) {
    BOOST_TEST(bound > 0);
    BOOST_TEST(bound < 1e-5);
    ++merges;
  };
  Process process(every_feature(), options);
  BOOST_TEST(process.run.run());
  auto const blocks = GrowthPhase::blocks, lora = GrowthPhase::lora;
  BOOST_TEST((
      phases == std::vector<std::tuple<std::size_t, GrowthPhase, Index, Index>>{{0, blocks, 2, 0},
                                                                                {1, blocks, 4, 3},
                                                                                {2, blocks, 5, 6},
                                                                                {2, lora, 5, 9},
                                                                                {3, blocks, 6, 12},
                                                                                {3, lora, 6, 14}}));
  BOOST_TEST(steps.size() == static_cast<std::size_t>(all_steps));
  BOOST_TEST(steps.back() == all_steps);
  BOOST_TEST(merges == 2);
  BOOST_TEST(process.run.total_tokens() == all_steps * 10 - 1);  // one window ends with its source
  BOOST_TEST(!process.model.body().has_adapters());
  BOOST_TEST(process.model.body().order() == (std::vector<Index>{0, 1, 2, 5, 3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(process.run.run());  // nothing is left
  Result(process).check_equals(uninterrupted());
}

BOOST_AUTO_TEST_CASE(run_that_is_stopped_at_any_step_goes_on_to_the_same_bits) {
  ScratchFolder const folder;
  auto const path = folder / "run.safetensors";
  for (Index cut = 0; cut <= all_steps; ++cut) {
    BOOST_TEST_CONTEXT("stopped after step " << cut) {
      std::stop_source stop;
      if (cut == 0) stop.request_stop();
      GrowthRunOptions options;
      options.on_step = [&](GrowthStepReport const& report) {
        if (report.total_steps == cut) stop.request_stop();
      };
      {
        Process process(every_feature(), options);
        bool const finished = process.run.run(stop.get_token());
        BOOST_TEST(finished == (cut == all_steps));
        BOOST_TEST(process.run.total_steps() == cut);
        process.run.save(path);
      }
      Process process;
      process.run.restore(CheckpointReader(path));
      BOOST_TEST(process.run.total_steps() == cut);
      BOOST_TEST(process.run.run());
      Result(process).check_equals(uninterrupted());
    }
  }
}

BOOST_AUTO_TEST_CASE(checkpoint_of_every_step_is_whole_even_if_each_is_the_last) {
  ScratchFolder const folder;
  auto const path = folder / "run.safetensors";
  // Each process does one step more, writes from within its step, and is gone.
  struct Gone {};
  Index processes = 0;
  for (bool finished = false; !finished; ++processes) {
    Process* running = nullptr;
    GrowthRunOptions options;
    options.on_step = [&](GrowthStepReport const&) {
      running->run.save(path);
      throw Gone{};
    };
    Process process(every_feature(), options);
    running = &process;
    if (processes > 0) process.run.restore(CheckpointReader(path));
    try {
      finished = process.run.run();
    } catch (Gone const&) {
      continue;
    }
    Result(process).check_equals(uninterrupted());
  }
  BOOST_TEST(processes == all_steps + 1);
}

BOOST_AUTO_TEST_CASE(prefix_cache_changes_no_bit) {
  std::vector<std::size_t> stages_with_a_prefix;
  GrowthRunOptions options;
  options.prefix_cache.emplace();
  options.on_step = [&](GrowthStepReport const& report) {
    if (report.step.prefix_hit_rate && report.step.step == 1)
      stages_with_a_prefix.push_back(report.stage);
  };
  Process process(every_feature(), options);
  process.run.run();
  Result(process).check_equals(uninterrupted());
  BOOST_TEST(stages_with_a_prefix == (std::vector<std::size_t>{1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_frozen_does_not_move) {
  std::map<std::string, std::vector<float>> at_begin;
  CpuModel* model = nullptr;
  std::vector<std::string> const watched{"blocks.0.", "blocks.2.", "blocks.4.", "head.linear.",
                                         "head.norm."};
  std::vector<std::set<std::string>> moved;
  auto const note_moves = [&] {
    moved.emplace_back();
    for (auto const& prefix : watched)
      if (auto const now = values_of(*model, prefix); now != std::exchange(at_begin[prefix], now))
        moved.back().insert(prefix);
  };
  GrowthRunOptions options;
  options.on_phase = [&](GrowthPhaseReport const&) { note_moves(); };
  Process process(every_feature(), options);
  model = &process.model;
  process.run.run();
  note_moves();
  std::vector<std::set<std::string>> const expected{
      {"blocks.0.", "head.linear.", "head.norm."},               // they have come to be
      {"blocks.0.", "blocks.2.", "head.linear.", "head.norm."},  // by stage 1, and the next begins
      {"blocks.2.", "blocks.4.", "head.norm."},                  // stage 2 freezes the classifier
      {"blocks.4.", "head.linear.", "head.norm."},               // stage 3
      {"blocks.0.", "blocks.2.", "blocks.4.", "head.linear.", "head.norm."},  // adapters are merged
      {"head.linear.", "head.norm."},                                         // stage 4
      {"blocks.0.", "blocks.2.", "blocks.4.", "head.linear.", "head.norm."}};
  BOOST_TEST_REQUIRE(moved.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    BOOST_TEST_CONTEXT("phase " << i) {
      BOOST_TEST(moved[i] == expected[i], boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(policies_of_moments_make_different_runs) {
  auto const parameters_with = [](MomentsPolicy policy) {
    GrowthPlan plan = every_feature();
    plan.stages.resize(2);
    plan.stages[1].trains_head = true;
    plan.stages[1].moments = policy;
    Process process(plan);
    process.run.run();
    return parameters_of(process.model);
  };
  auto const fresh = parameters_with(MomentsPolicy::fresh),
             kept = parameters_with(MomentsPolicy::kept),
             copied = parameters_with(MomentsPolicy::copied);
  BOOST_TEST(!same_bits(fresh, kept));
  BOOST_TEST(!same_bits(kept, copied));
}

BOOST_AUTO_TEST_CASE(learned_embedding_trains_in_stage_1_or_never) {
  using Learned = GrowingModel<Cpu, LearnedEmbedding>;
  for (Index const until : {0, 1}) {
    GrowthPlan plan = every_feature();
    plan.model.embedding = {.kind = EmbeddingKind::learned, .trains_until_stage = until};
    plan.stages.resize(2);
    Learned model{Cpu(1), random_substrate(vocabulary, 8), body_options<Learned>(plan)};
    Batches batches = random_batches(vocabulary, 2, 5);
    std::vector<std::vector<float>> tables;
    auto const note = [&] {
      model.for_each_segment([&](std::string const&, auto const& segment) {
        if (segment.name() == "embedding")
          tables.emplace_back(segment.values().span().begin(), segment.values().span().end());
      });
    };
    GrowthRunOptions options;
    options.on_phase = [&](GrowthPhaseReport const&) { note(); };
    GrowthRun run(model, batches, plan, options);
    run.run();
    note();
    BOOST_TEST_REQUIRE(tables.size() == 3U);
    BOOST_TEST((tables[0] != tables[1]) == (until == 1));
    BOOST_TEST((tables[1] == tables[2]));
  }
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_plan_is_refused_before_any_training) {
  GrowthPlan const plan = every_feature();
  auto const substrate = random_substrate(vocabulary, 8);
  Batches batches = random_batches(vocabulary, 2, 5);
  auto const refuse = [&]<class ErrorType>(ErrorType*, GrowthPlan const& wrong,
                                           auto const&... sentence) {
    CpuModel model{Cpu(1), substrate, body_options<CpuModel>(plan)};
    BOOST_CHECK_EXCEPTION((GrowthRun(model, batches, wrong, {.validate = [] { return 1.0; }})),
                          ErrorType, says(sentence...));
  };
  auto const with = [&](auto change) {
    GrowthPlan wrong = plan;
    change(wrong);
    return wrong;
  };
  MismatchError* const mismatch = nullptr;
  ValueError* const value = nullptr;
  refuse(mismatch, with([](auto& p) { p.model.block.hidden_dim = 48; }),
         "model.block.hidden_dim: the plan says 48");
  refuse(mismatch, with([](auto& p) { p.model.norm = NormKind::rms_norm; }),
         "model.block.norm: the plan says");
  refuse(mismatch, with([](auto& p) { p.model.embedding.kind = EmbeddingKind::binary_id; }),
         "model.embedding.kind");
  refuse(mismatch, with([](auto& p) { p.training.batch = 3; }),
         "the plan's batches are 3 x 5, these are 2 x 5");
  refuse(value, with([](auto& p) { p.model.vocabulary_size = 24; }),
         "the plan is for 24 tokens, the substrate has 23");
  refuse(value, with([](auto& p) { p.stages[2].lora->adapters.targets = {"attention.v"}; }),
         "stages[2].lora: ", "attention.v;");
  refuse(value, with([](auto& p) { p.stages[0].blocks = 0; }), "stages[0].blocks");

  CpuModel model{Cpu(1), substrate, body_options<CpuModel>(plan)};
  BOOST_CHECK_EXCEPTION((GrowthRun(model, batches, plan)), ValueError,
                        says("stages[2]: a plateau is seen by validations"));
  model.body().grow(1);
  BOOST_CHECK_EXCEPTION((GrowthRun(model, batches, plan, {.validate = [] { return 1.0; }})),
                        MismatchError,
                        says("a plan begins with a model without blocks, this one has 1"));
}

BOOST_AUTO_TEST_CASE(checkpoints_of_other_plans_are_refused) {
  ScratchFolder const folder;
  auto const path = folder / "run.safetensors";
  std::stop_source stop;
  stop.request_stop();
  Process process;
  process.run.run(stop.get_token());
  process.run.save(path);

  GrowthPlan renamed = every_feature();
  renamed.name = "renamed";
  BOOST_CHECK_NO_THROW(Process(renamed).run.restore(CheckpointReader(path)));
  GrowthPlan other = every_feature();
  other.stages[2].budget.patience = 5;
  Process another(other);
  BOOST_CHECK_EXCEPTION(
      another.run.restore(CheckpointReader(path)), MismatchError,
      says("belongs to another plan: they differ in stages[2].budget.plateau.patience"));
  BOOST_TEST(another.model.body().depth() == 0);

  CheckpointWriter{process.model}
      .with(process.batches)
      .with_extra(Json::object({{"stage", 1}}))
      .save(path);
  BOOST_CHECK_EXCEPTION(Process().run.restore(CheckpointReader(path)), MismatchError,
                        says("is of no growth plan"));
}

BOOST_AUTO_TEST_SUITE_END()
