// A training that goes back to its last checkpoint where a step is bad.
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <accrete/train/checkpoint_folder.hpp>
#include <accrete/train/step_log.hpp>
#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/error_text.hpp"
#include "support/poisoned_batches.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(roll_back)

namespace {

constexpr Index all_steps = 20, between_checkpoints = 5;

struct Settings {
  std::set<Index> poisoned{};
  double poison = std::numeric_limits<double>::quiet_NaN();
  bool leave_out = false, frozen_body = false;
  Index most_roll_backs = 3;
  LossSpikeRule spikes{};
};

/// One process of a training with a checkpoint every five steps.
struct Process {
  Process(Settings const& settings, std::filesystem::path const& folder)
      : batches{.model = model,
                .poisoned = settings.poisoned,
                .poison = settings.poison,
                .leave_out = settings.leave_out},
        checkpoints(folder) {
    TrainerOptions options{.steps = all_steps,
                           .guard = {.policy = BadStep::roll_back,
                                     .most_roll_backs = settings.most_roll_backs,
                                     .spikes = settings.spikes}};
    options.roll_back = [this] {
      CheckpointReader const last(checkpoints.latest()->path);
      last.restore(model);
      last.restore(*trainer);
      batches.is_ill = false;
    };
    options.on_step = [this](StepReport const& report) {
      reports.push_back(report);
      if (report.step % between_checkpoints == 0) save();
    };
    if (settings.frozen_body) model.body().freeze();
    trainer.emplace(model, AdamW{.learning_rate = 1e-2}, options);
    if (auto const latest = checkpoints.latest()) {
      CheckpointReader const last(latest->path);
      last.restore(model);
      last.restore(*trainer);
      last.restore(batches);
    } else {
      save();
    }
  }
  void save() {
    checkpoints.save(CheckpointWriter{model}.with(*trainer).with(batches), trainer->steps_done());
  }
  [[nodiscard]] std::vector<Index> steps() const {
    std::vector<Index> steps;
    for (auto const& report : reports) steps.push_back(report.step);
    return steps;
  }

  DoubleModel model = PoisonedBatches::model_for_it();
  PoisonedBatches batches;
  CheckpointFolder checkpoints;
  std::optional<Trainer<DoubleModel>> trainer{};
  std::vector<StepReport> reports{};
};

/// Parameters after all steps in one go.
std::vector<double> result_of(Settings const& settings) {
  ScratchFolder const folder;
  Process process(settings, folder.path());
  process.trainer->fit(process.batches);
  return parameters_of(process.model);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_head_of_a_frozen_body_goes_back_too) {
  auto const expected = result_of({.poisoned = {0, 1, 2}, .leave_out = true, .frozen_body = true});
  BOOST_TEST(same_bits(result_of({.poisoned = {2}, .frozen_body = true}), expected));
}

BOOST_AUTO_TEST_CASE(bits_are_those_of_a_run_that_never_saw_the_batches_since_the_checkpoint) {
  ScratchFolder const folder;
  Process process({.poisoned = {2, 13}}, folder.path());
  process.trainer->fit(process.batches);
  // Batch 2 is in step 3, after checkpoint 0. Step 5 then takes batch 7, step 10 batch 12; step 11 meets batch 13.
  BOOST_TEST(process.steps() == (std::vector<Index>{1,  2,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}),
             boost::test_tools::per_element());
  BOOST_TEST(process.reports[2].roll_backs == 1);
  BOOST_TEST(process.reports[2].skipped == 1);
  BOOST_TEST(process.reports[3].roll_backs == 0);
  BOOST_TEST(process.reports[12].roll_backs == 1);
  BOOST_TEST(process.trainer->guard().roll_backs() == 2);
  BOOST_TEST(process.trainer->total_tokens() == all_steps * 10);
  BOOST_TEST(process.batches.number == 24);
  BOOST_TEST(same_bits(parameters_of(process.model),
                       result_of({.poisoned = {0, 1, 2, 13}, .leave_out = true})));
}

BOOST_AUTO_TEST_CASE(a_jump_of_the_loss_goes_back_as_well) {
  Settings settings{.poisoned = {13}, .poison = 1e4, .spikes = {.deviations = 8, .memory = 8}};
  ScratchFolder const folder;
  Process process(settings, folder.path());
  process.trainer->fit(process.batches);
  BOOST_TEST(process.trainer->guard().roll_backs() == 1);
  settings.poisoned = {10, 11, 12, 13};
  settings.leave_out = true;
  BOOST_TEST(same_bits(parameters_of(process.model), result_of(settings)));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_cut_anywhere_ends_with_the_same_bits) {
  Settings const settings{.poisoned = {2, 3, 13}};
  auto const expected = result_of(settings);
  for (std::size_t cut = 1; cut < 24; ++cut) {
    ScratchFolder const folder;
    {
      Process process(settings, folder.path());
      for (std::size_t i = 0; i < cut && process.trainer->steps_done() < all_steps; ++i)
        process.trainer->options().on_step(process.trainer->step(process.batches));
    }
    Process process(settings, folder.path());
    process.trainer->fit(process.batches);
    BOOST_TEST(process.trainer->guard().roll_backs() == 3);
    BOOST_TEST(same_bits(parameters_of(process.model), expected), "cut after " << cut);
  }
}

BOOST_AUTO_TEST_CASE(it_goes_back_so_often_and_no_further) {
  ScratchFolder const folder;
  Settings const settings{.poisoned = {2, 12, 13, 16}};
  {
    Process process(settings, folder.path());
    BOOST_CHECK_EXCEPTION(
        process.trainer->fit(process.batches), NumericError,
        says("trainer: step ", "the loss is nan", "after 3 returns to a checkpoint",
             "weights are as before this step"));
  }
  // Nor does a new process: what is counted stands in the checkpoint.
  Process process(settings, folder.path());
  BOOST_TEST(process.trainer->guard().roll_backs() > 0);
  BOOST_CHECK_THROW(process.trainer->fit(process.batches), NumericError);
}

BOOST_AUTO_TEST_CASE(logs_lose_the_rows_of_the_steps_that_were_lost) {
  ScratchFolder const folder;
  Process process({.poisoned = {13}}, folder / "checkpoints");
  process.trainer->fit(process.batches);
  {
    StepLog log(folder / "steps", 0, "an engine");
    for (auto const& report : process.reports) log.append(report);
  }
  for (char const* const name : {"steps.csv", "steps.jsonl"}) {
    std::ifstream file(folder / name);
    std::vector<std::string> rows;
    for (std::string row; std::getline(file, row);) rows.push_back(row);
    BOOST_TEST(rows.size() == static_cast<std::size_t>(all_steps + 1));
    if (std::string(name) == "steps.jsonl")
      BOOST_TEST(rows[11].find("\"roll_backs\":1") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(without_a_way_back_it_is_refused) {
  DoubleModel model = PoisonedBatches::model_for_it();
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}, {.guard = {.policy = BadStep::roll_back}}}),
                        ValueError, says("it needs options.roll_back"));
}

BOOST_AUTO_TEST_SUITE_END()
