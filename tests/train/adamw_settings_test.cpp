#include <boost/test/unit_test.hpp>

#include <limits>

#include <accrete/train/adamw.hpp>

#include "support/all_close.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(adamw_settings)

BOOST_AUTO_TEST_CASE(defaults_are_accepted) {
  BOOST_CHECK_NO_THROW(AdamW{}.check());
}

BOOST_AUTO_TEST_CASE(each_setting_out_of_its_range_is_named) {
  double const nan = std::numeric_limits<double>::quiet_NaN(),
               infinity = std::numeric_limits<double>::infinity();
  auto const refused = [](AdamW const& optimizer, char const* name) {
    BOOST_CHECK_EXCEPTION(optimizer.check(), ValueError, says(name));
  };
  for (double const value : {-1e-3, nan, infinity})
    refused({.learning_rate = value}, "AdamW: learning_rate must be");
  for (double const value : {-0.1, 1.0, nan}) {
    refused({.beta1 = value}, "AdamW: beta1 must be in [0, 1), got");
    refused({.beta2 = value}, "AdamW: beta2 must be in [0, 1), got");
  }
  for (double const value : {0.0, -1e-8, nan})
    refused({.epsilon = value}, "AdamW: epsilon must be positive, got");
  for (double const value : {-0.1, nan})
    refused({.weight_decay = value}, "AdamW: weight_decay must be 0 or more, got");
  BOOST_CHECK_NO_THROW(
      (AdamW{.learning_rate = 0, .beta1 = 0, .beta2 = 0, .weight_decay = 0}.check()));
}

BOOST_AUTO_TEST_CASE(step_takes_the_factor_into_the_learning_rate_alone) {
  AdamW const optimizer{
      .learning_rate = 0.5, .beta1 = 0.1, .beta2 = 0.2, .epsilon = 0.3, .weight_decay = 0.4};
  AdamWStep const step = optimizer.step(7, 0.25, 0.75);
  BOOST_TEST(step.learning_rate == 0.125);
  BOOST_TEST(step.beta1 == 0.1);
  BOOST_TEST(step.beta2 == 0.2);
  BOOST_TEST(step.epsilon == 0.3);
  BOOST_TEST(step.weight_decay == 0.4);
  BOOST_TEST(step.gradient_scale == 0.75);
  BOOST_TEST(step.step == 7);
}

BOOST_AUTO_TEST_SUITE_END()
