/// Comparing numbers, with messages that say where they differ and by how much.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>

namespace accrete_test {

/// How far T lies from the real numbers.
template <class T>
inline constexpr double epsilon = std::numeric_limits<T>::epsilon();

/// The greatest magnitude among finite numbers; 0 if there are none.
template <class Numbers>
[[nodiscard]] double greatest_magnitude(Numbers const& numbers) {
  double greatest = 0;
  for (auto const number : numbers)
    if (std::isfinite(static_cast<double>(number)))
      greatest = std::max(greatest, std::abs(static_cast<double>(number)));
  return greatest;
}

/// |actual[i] - expected[i]| <= relative * |expected[i]| + absolute for every i; what is not finite
/// must be the same on both sides.
template <class Actual, class Expected>
[[nodiscard]] boost::test_tools::assertion_result all_close(Actual const& actual,
                                                            Expected const& expected,
                                                            double relative, double absolute) {
  boost::test_tools::assertion_result result(true);
  std::size_t const count = std::size(expected);
  if (std::size(actual) != count) {
    result = false;
    result.message() << "expected " << count << " numbers, got " << std::size(actual);
    return result;
  }
  std::size_t wrong = 0, worst = 0;
  double worst_excess = 0, worst_bound = 0;
  for (std::size_t i = 0; i < count; ++i) {
    auto const a = static_cast<double>(actual[i]);
    auto const b = static_cast<double>(expected[i]);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    double const bound = std::isfinite(b) ? relative * std::abs(b) + absolute : 0;
    double const error = std::abs(a - b);
    if (error <= bound) continue;
    double const excess =
        bound > 0 && std::isfinite(error) ? error / bound : std::numeric_limits<double>::infinity();
    if (wrong++ == 0 || excess > worst_excess) {
      worst = i;
      worst_excess = excess;
      worst_bound = bound;
    }
  }
  if (wrong > 0) {
    result = false;
    result.message().stream().precision(10);
    result.message() << wrong << " of " << count << " numbers differ; worst at " << worst
                     << ": expected " << static_cast<double>(expected[worst]) << ", got "
                     << static_cast<double>(actual[worst]) << ", allowed error " << worst_bound;
  }
  return result;
}

/// The same, with an error allowed in proportion to the greatest number, which is taken to be at
/// least 1: a sum is as exact as its greatest terms, and tests draw numbers near 1.
template <class Actual, class Expected>
[[nodiscard]] boost::test_tools::assertion_result all_close(Actual const& actual,
                                                            Expected const& expected,
                                                            double relative) {
  return all_close(actual, expected, relative,
                   relative * std::max(1.0, greatest_magnitude(expected)));
}

/// Bit for bit, so that NaN equals itself and 0 differs from -0.
template <class Actual, class Expected>
[[nodiscard]] boost::test_tools::assertion_result same_bits(Actual const& actual,
                                                            Expected const& expected) {
  boost::test_tools::assertion_result result(true);
  if (std::size(actual) != std::size(expected)) {
    result = false;
    result.message() << "expected " << std::size(expected) << " numbers, got " << std::size(actual);
    return result;
  }
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    static_assert(sizeof(actual[i]) == sizeof(expected[i]));
    if (std::memcmp(&actual[i], &expected[i], sizeof(actual[i])) != 0) {
      result = false;
      result.message().stream().precision(17);
      result.message() << "the bits differ at " << i << ": expected " << expected[i] << ", got "
                       << actual[i];
      break;
    }
  }
  return result;
}

/// For BOOST_CHECK_EXCEPTION: does the message hold this text?
[[nodiscard]] inline auto says(std::string text) {
  return [text = std::move(text)](std::exception const& error) {
    bool const found = std::string_view(error.what()).find(text) != std::string_view::npos;
    if (!found) BOOST_TEST_MESSAGE("expected \"" << text << "\", got \"" << error.what() << "\"");
    return found;
  };
}

}  // namespace accrete_test
