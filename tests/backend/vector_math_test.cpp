#include <accrete/backend/cpu/vector_math.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <ostream>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(vector_math)

namespace {

using accrete::detail::exponential;
using accrete::detail::logistic;
using accrete::detail::normal_distribution;
using accrete::detail::Pack;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr double least_size = 32 * std::numeric_limits<float>::min();

// exp(-x^2 / 2) is exact to the last places only where x^2 can be had exactly.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
constexpr double tail_bound = 4;
#else
constexpr double tail_bound = 40;
#endif

/// Calls check(x) for floats of all signs and magnitudes, infinity included.
template <class F>
void for_all_magnitudes(F&& check) {
  constexpr std::uint32_t stride = 4099, end_of_numbers = 0x7f800000;
  for (std::uint32_t bits = 0; bits < end_of_numbers; bits += stride)
    for (std::uint32_t const sign : {0u, 0x80000000u}) check(std::bit_cast<float>(bits | sign));
  check(infinity);
  check(-infinity);
}

template <class F>
float lane_of(F&& f, float x) {
  std::array<float, std::size_t(Pack<float>::width)> lanes;
  f(Pack<float>(x)).store(lanes.data());
  for (float const lane : lanes)
    BOOST_REQUIRE(std::bit_cast<std::uint32_t>(lane) == std::bit_cast<std::uint32_t>(lanes[0]));
  return lanes[0];
}

/// An error in epsilons, and where it is made.
struct Error {
  double epsilons = 0;
  float x = 0;
};
bool operator<=(Error const& error, double bound) {
  return error.epsilons <= bound;
}
std::ostream& operator<<(std::ostream& out, Error const& error) {
  return out << error.epsilons << " epsilons at " << error.x;
}

/// The greatest |f(x) - expected(x)| in epsilons of scale(x). Where floats end, their intermediate
/// results may be flushed to zero.
template <class F, class Expected, class Scale>
Error greatest_error(F&& f, Expected&& expected, Scale&& scale) {
  Error greatest;
  for_all_magnitudes([&](float x) {
    double const wanted = expected(static_cast<double>(x));
    auto const got = static_cast<double>(lane_of(f, x));
    if (got == wanted || std::isnan(wanted)) return;
    double const size = std::abs(scale(static_cast<double>(x)));
    double const unit = size >= least_size ? size * 0x1p-23 : least_size;
    double const error = std::abs(got - wanted) / unit;
    if (!(error <= greatest.epsilons)) greatest = {error, x};
  });
  return greatest;
}

double cumulative(double x) {
  return std::erfc(-x / std::numbers::sqrt2) / 2;
}
double density(double x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

}  // namespace

BOOST_AUTO_TEST_CASE(exponential_is_within_a_unit_in_the_last_place) {
  // Where floats end, it ends a little earlier.
  auto const expected = [](double x) {
    return x > 88.37 ? static_cast<double>(infinity) : std::exp(x);
  };
  BOOST_TEST(greatest_error([](auto x) { return exponential(x); }, expected, expected) <= 1.0);
  BOOST_TEST(lane_of([](auto x) { return exponential(x); }, 0.0f) == 1.0f);
  BOOST_TEST(lane_of([](auto x) { return exponential(x); }, -infinity) == 0.0f);
  BOOST_TEST(lane_of([](auto x) { return exponential(x); }, infinity) == infinity);
}

BOOST_AUTO_TEST_CASE(logistic_is_within_units_in_the_last_place) {
  auto const expected = [](double x) { return 1 / (1 + std::exp(-x)); };
  BOOST_TEST(greatest_error([](auto x) { return logistic(x); }, expected, expected) <= 2.0);
}

BOOST_AUTO_TEST_CASE(normal_distribution_keeps_its_precision_in_the_tail) {
  BOOST_TEST(greatest_error([](auto x) { return normal_distribution(x).cumulative; }, cumulative,
                            cumulative) <= tail_bound);
  BOOST_TEST(greatest_error([](auto x) { return normal_distribution(x).density; }, density,
                            density) <= tail_bound);
}

BOOST_AUTO_TEST_CASE(gelu_and_its_slope_are_within_units_in_the_last_place) {
  auto const gelu = [](auto x) { return x * normal_distribution(x).cumulative; };
  auto const expected = [](double x) { return x * cumulative(x); };
  BOOST_TEST(greatest_error(gelu, expected, expected) <= tail_bound);
  auto const slope = [](auto x) {
    auto const normal = normal_distribution(x);
    return multiply_add(x, normal.density, normal.cumulative);
  };
  // Near -0.75 the two terms cancel.
  BOOST_TEST(greatest_error(
                 slope, [](double x) { return cumulative(x) + x * density(x); },
                 [](double x) { return cumulative(x) + std::abs(x) * density(x); }) <= tail_bound);
}

BOOST_AUTO_TEST_CASE(nan_gives_nan) {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  BOOST_TEST(std::isnan(lane_of([](auto x) { return exponential(x); }, nan)));
  BOOST_TEST(std::isnan(lane_of([](auto x) { return logistic(x); }, nan)));
  BOOST_TEST(
      std::isnan(lane_of([](auto x) { return x * normal_distribution(x).cumulative; }, nan)));
}

BOOST_AUTO_TEST_SUITE_END()
