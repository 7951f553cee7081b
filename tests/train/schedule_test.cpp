#include <boost/test/unit_test.hpp>

#include <accrete/train/schedule.hpp>

#include "support/all_close.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(schedule_of_learning_rates)

namespace {

Schedule schedule(Schedule::Shape shape) {
  return {.shape = shape, .warmup_steps = 4, .steps = 20, .final_factor = 0.2};
}

void check_factor(double actual, double expected) {
  BOOST_TEST(std::abs(actual - expected) < 1e-15);
}

}  // namespace

BOOST_AUTO_TEST_CASE(warm_up_rises_in_equal_steps_and_ends_at_one) {
  for (auto const shape :
       {Schedule::Shape::constant, Schedule::Shape::linear, Schedule::Shape::cosine})
    for (Index step = 0; step < 4; ++step)
      check_factor(schedule(shape).factor(step), static_cast<double>(step + 1) / 4);
}

BOOST_AUTO_TEST_CASE(shapes_follow_their_formulas) {
  for (Index step = 4; step <= 20; ++step) {
    double const x = static_cast<double>(step - 4) / 16;
    check_factor(schedule(Schedule::Shape::constant).factor(step), 1);
    check_factor(schedule(Schedule::Shape::linear).factor(step), 1 - 0.8 * x);
    check_factor(schedule(Schedule::Shape::cosine).factor(step),
                 0.2 + 0.4 * (1 + std::cos(std::numbers::pi * x)));
  }
}

BOOST_AUTO_TEST_CASE(first_and_last_factor_are_exact) {
  for (auto const shape : {Schedule::Shape::linear, Schedule::Shape::cosine}) {
    BOOST_TEST(schedule(shape).factor(3) == 1);
    BOOST_TEST(schedule(shape).factor(4) == 1);
    check_factor(schedule(shape).factor(20), 0.2);
    BOOST_TEST(schedule(shape).factor(1'000'000) == schedule(shape).factor(20));
  }
  check_factor(schedule(Schedule::Shape::cosine).factor(12), 0.6);  // half way
}

BOOST_AUTO_TEST_CASE(run_shorter_than_its_warm_up_stays_finite) {
  Schedule const all_warm_up{.warmup_steps = 10, .steps = 10};
  BOOST_TEST(all_warm_up.factor(9) == 1);
  BOOST_TEST(std::isfinite(all_warm_up.factor(10)));
  Schedule const empty{.warmup_steps = 0, .steps = 0};
  BOOST_TEST(empty.factor(0) == 1);
}

BOOST_AUTO_TEST_CASE(shapes_have_names) {
  for (auto const& [shape, name] : schedule_shape_names.entries) {
    BOOST_TEST((schedule_shape_names.at(name) == shape));
    BOOST_TEST(schedule_shape_names.name_of(shape) == name);
  }
  BOOST_CHECK_EXCEPTION(static_cast<void>(schedule_shape_names.at("square")), ValueError,
                        says("expected constant, linear or cosine, got square"));
}

BOOST_AUTO_TEST_SUITE_END()
