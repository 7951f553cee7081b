#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "support/all_close.hpp"
#include "support/error_text.hpp"
#include "support/models.hpp"
#include "support/poisoned_batches.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(step_guard)

namespace {

using Model = DoubleModel;

Model make() {
  return PoisonedBatches::model_for_it();
}

/// A made-up course of a loss that falls, with noise and jumps.
struct Series {
  std::vector<double> losses{};
  std::vector<std::size_t> jumps{};
};

Series series(std::uint64_t seed) {
  RandomStream const stream(seed, 1);
  Series series;
  for (std::uint64_t i = 0; i < 300; ++i) {
    double const noise = 0.1 * (stream.uniform(2 * i) - 0.5);
    bool const jumps = stream.uniform(2 * i + 1) < 0.03;
    if (jumps) series.jumps.push_back(i);
    series.losses.push_back(2 + std::exp(-static_cast<double>(i) / 50) + noise + (jumps ? 3 : 0));
  }
  return series;
}

/// Which losses are spikes; those are not taken.
std::vector<std::size_t> spikes_in(std::vector<double> const& losses, StepGuard guard,
                                   std::size_t begin = 0, StepGuard* at_end = nullptr) {
  std::vector<std::size_t> spikes;
  for (std::size_t i = begin; i < losses.size(); ++i) {
    if (guard.is_spike(losses[i]))
      spikes.push_back(i);
    else
      guard.take(losses[i]);
  }
  if (at_end != nullptr) *at_end = guard;
  return spikes;
}

}  // namespace

BOOST_AUTO_TEST_CASE(moments_are_plain_until_the_memory_is_full_and_fade_then) {
  StepGuard guard{{.spikes = {.deviations = 3, .memory = 4}}};
  std::vector<double> const losses{3, 1, 2, 6};
  for (double const loss : losses) guard.take(loss);
  BOOST_TEST(std::abs(guard.state().at("mean").as_double() - 3) < 1e-15);
  BOOST_TEST(std::abs(guard.state().at("variance").as_double() - 3.5) < 1e-14);
  BOOST_TEST(!guard.is_spike(3 + 3 * std::sqrt(3.5) - 1e-9));
  BOOST_TEST(guard.is_spike(3 + 3 * std::sqrt(3.5) + 1e-9));
  guard.take(7);  // m = 3 + 4 / 4; s^2 = 3/4 (3.5 + 16 / 4)
  BOOST_TEST(std::abs(guard.state().at("mean").as_double() - 4) < 1e-15);
  BOOST_TEST(std::abs(guard.state().at("variance").as_double() - 5.625) < 1e-14);
}

BOOST_AUTO_TEST_CASE(rule_waits_for_its_memory_and_can_be_off) {
  StepGuard waiting{{.spikes = {.deviations = 3, .memory = 3}}}, off;
  for (int i = 0; i < 2; ++i) {
    waiting.take(1);
    off.take(1);
  }
  BOOST_TEST(!waiting.is_spike(1e9));
  waiting.take(1);
  BOOST_TEST(waiting.is_spike(1.5));
  for (int i = 0; i < 1000; ++i) off.take(1);
  BOOST_TEST(!off.is_spike(1e9));
}

BOOST_AUTO_TEST_CASE(jumps_are_found_and_a_resumed_guard_decides_the_same) {
  StepGuardOptions const options{.spikes = {.deviations = 4, .memory = 30}};
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    auto const [losses, jumps] = series(seed);
    auto const all = spikes_in(losses, StepGuard(options));
    auto const late = [](std::vector<std::size_t> steps) {  // where the loss falls slowly
      std::erase_if(steps, [](std::size_t step) { return step < 150; });
      return steps;
    };
    BOOST_TEST(late(all) == late(jumps), boost::test_tools::per_element());
    auto const cut = static_cast<std::size_t>(seed * 37 % losses.size());
    StepGuard before(options), after(options);
    auto found = spikes_in({losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(cut)},
                           StepGuard(options), 0, &before);
    after.restore(Json::parse(before.state().dump(), "state"));
    auto const rest = spikes_in(losses, after, cut);
    found.insert(found.end(), rest.begin(), rest.end());
    BOOST_TEST(found == all, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(every_number_that_is_not_finite_is_found_in_its_own_step) {
  Model model = make();
  double const poisons[]{std::numeric_limits<double>::quiet_NaN(),
                         std::numeric_limits<double>::infinity(),
                         -std::numeric_limits<double>::infinity()};
  PoisonedBatches batches{.model = model, .poisoned = {}};
  Trainer trainer{model, AdamW{}, {.steps = 1000}};
  for (Index i = 0; i < 300; ++i) {
    batches.poison = poisons[i % 3];
    batches.poisoned = {batches.number};
    auto const weights = parameters_of(model);
    BOOST_CHECK_THROW(trainer.step(batches), NumericError);
    batches.weight() = batches.healthy;
    batches.is_ill = false;
    BOOST_TEST(same_bits(parameters_of(model), weights));
    batches.poisoned = {-1 - i};
    if (i % 50 == 0) trainer.step(batches);
  }
}

BOOST_AUTO_TEST_CASE(skipped_batches_leave_no_trace) {
  Model with = make(), without = make();
  std::set<Index> const poisoned{2, 5, 6, 9};
  PoisonedBatches ill{.model = with, .poisoned = poisoned};
  PoisonedBatches healthy{.model = without, .poisoned = poisoned, .leave_out = true};
  std::vector<Index> skipped;
  TrainerOptions options{.steps = 8, .guard = {.policy = BadStep::skip, .most_skipped = 2}};
  options.on_step = [&](StepReport const& report) { skipped.push_back(report.skipped); };
  Trainer{with, AdamW{}, options}.fit(ill);
  options.on_step = {};
  Trainer{without, AdamW{}, options}.fit(healthy);
  BOOST_TEST(skipped == (std::vector<Index>{0, 0, 1, 0, 2, 0, 1, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(same_bits(parameters_of(with), parameters_of(without)));
}

BOOST_AUTO_TEST_CASE(too_many_in_a_row_are_an_error) {
  Model model = make();
  PoisonedBatches batches{.model = model, .poisoned = {3, 4, 5}};
  Trainer trainer{
      model, AdamW{}, {.steps = 8, .guard = {.policy = BadStep::skip, .most_skipped = 2}}};
  BOOST_CHECK_EXCEPTION(trainer.fit(batches), NumericError,
                        says("trainer: step 4: the loss is nan", "after 2 skipped in a row",
                             "weights are as before this step"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_meant_is_refused) {
  BOOST_CHECK_EXCEPTION(StepGuard({.most_skipped = -1}), ValueError, says("step guard", "got -1"));
  BOOST_CHECK_EXCEPTION(StepGuard({.most_roll_backs = -2}), ValueError,
                        says("step guard", "got 3, -2"));
  BOOST_CHECK_THROW(StepGuard({.spikes = {.deviations = -1}}), ValueError);
  BOOST_CHECK_THROW(StepGuard({.spikes = {.memory = 1}}), ValueError);
  StepGuard guard;
  BOOST_CHECK_THROW(guard.restore(Json::parse(R"({"steps":-1,"mean":0,"variance":0})", "state")),
                    ValueError);
  BOOST_CHECK_THROW(guard.restore(Json::parse(R"({"steps":1,"mean":0,"variance":-1})", "state")),
                    ValueError);
  BOOST_CHECK_THROW(
      guard.restore(Json::parse(R"({"steps":1,"mean":0,"variance":1,"roll_backs":-1})", "state")),
      ValueError);
  BOOST_CHECK_NO_THROW(  // from before there were returns to a checkpoint
      guard.restore(Json::parse(R"({"steps":1,"mean":0,"variance":1})", "state")));
}

BOOST_AUTO_TEST_SUITE_END()
