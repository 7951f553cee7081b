/// exp, log, the logistic function and the normal distribution of packs.
///
/// Floats: polynomials of our own, within a few units in the last place where the result is a
/// normal number; NaN gives NaN. Doubles, which only tests compute with, go lane by lane to the
/// standard library.
#pragma once

#include <array>
#include <cmath>
#include <numbers>

#include <accrete/backend/cpu/pack.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// c[0] + c[1] x + c[2] x^2 + ...
template <class T, std::size_t N>
[[nodiscard]] Pack<T> polynomial(Pack<T> x, std::array<T, N> const& c) {
  Pack<T> sum(c[N - 1]);
  for (std::size_t i = N - 1; i-- > 0;) sum = multiply_add(sum, x, Pack<T>(c[i]));
  return sum;
}

/// f of each lane.
template <class T, class F>
[[nodiscard]] Pack<T> for_each_lane(Pack<T> x, F&& f) {
  std::array<T, static_cast<std::size_t>(Pack<T>::width)> lanes;
  x.store(lanes.data());
  for (T& lane : lanes) lane = f(lane);
  return Pack<T>::load(lanes.data());
}

/// exp(x), and 0 below -87.7 and infinity above 88.4, where floats end.
[[nodiscard]] inline Pack<float> exponential(Pack<float> x) {
  using P = Pack<float>;
  // n = x / log 2 rounded: the sum with 1.5 * 2^23 + 127 holds n + 127 in its lowest bits, where a
  // shift makes them the exponent of 2^n. n = -127 gives 0, n = 128 gives infinity.
  P const rounding(12582912.0f + 127.0f);
  P const clamped = lesser_of(greater_of(x, P(-88.0f)), P(89.0f));
  P const shifted = multiply_add(clamped, P(std::numbers::log2e_v<float>), rounding);
  P const n = shifted - rounding;
  P r =
      multiply_add(n, P(-0.693359375f), clamped);  // log 2 in two parts: the first product is exact
  r = multiply_add(n, P(2.12194440e-4f), r);
  P const power = polynomial<float, 7>(r, {1.0f, 1.0f, 0.4999999206f, 0.1666641968f, 0.04166822881f,
                                           0.008374856967f, 0.001383678674f});
  return power * shift_into_exponent(shifted);
}
[[nodiscard]] inline Pack<double> exponential(Pack<double> x) {
  return for_each_lane(x, [](double v) { return std::exp(v); });
}

/// log(1 + x) for x in [0,1]: 2 artanh(x / (x + 2)) as a series.
[[nodiscard]] inline Pack<float> log_of_one_plus(Pack<float> x) {
  using P = Pack<float>;
  P const s = x / (x + P(2.0f));
  return (s + s) * polynomial<float, 8>(s * s, {1.0f, 1.0f / 3, 1.0f / 5, 1.0f / 7, 1.0f / 9,
                                                1.0f / 11, 1.0f / 13, 1.0f / 15});
}
[[nodiscard]] inline Pack<double> log_of_one_plus(Pack<double> x) {
  return for_each_lane(x, [](double v) { return std::log1p(v); });
}

/// 1 / (1 + exp(-x))
template <class T>
[[nodiscard]] Pack<T> logistic(Pack<T> x) {
  return Pack<T>(T{1}) / (Pack<T>(T{1}) + exponential(-x));
}

/// Of the standard normal distribution at one point.
template <class T>
struct NormalDistribution {
  Pack<T> cumulative;  // Phi(x) = (1 + erf(x / sqrt(2))) / 2
  Pack<T> density;     // exp(-x^2 / 2) / sqrt(2 pi)
};

/// With a = |x|: Phi(-a) = exp(-a^2 / 2) g(a), where g falls from 1/2 like 1 / a; g (a + 2) / 2 is
/// expanded in powers of a / (a + 2). So the tail keeps its relative precision, which 1 + erf loses.
[[nodiscard]] inline NormalDistribution<float> normal_distribution(Pack<float> x) {
  using P = Pack<float>;
  P const a = lesser_of(absolute(x), P(14.0f));  // Phi(-14) is below the least float
  P const square = a * a;
  P const rounded_off = multiply_add(a, a, -square);
  P const power = exponential(square * P(-0.5f));
  P const gaussian = multiply_add(power * P(-0.5f), rounded_off, power);
  P const reciprocal = P(1.0f) / (a + P(2.0f));
  P const expansion =
      polynomial<float, 10>(a * reciprocal, {0.5f, -0.2978880324f, -0.09564468325f, 0.04098888449f,
                                             0.0616920851f, -0.004230979072f, 0.03150104133f,
                                             -0.02144096377f, -0.04220397176f, 0.02671873421f});
  P const tail = gaussian * (reciprocal * P(2.0f) * expansion);
  return {select_negative(x, tail, P(1.0f) - tail),
          gaussian * P(std::numbers::inv_sqrtpi_v<float> / std::numbers::sqrt2_v<float>)};
}
[[nodiscard]] inline NormalDistribution<double> normal_distribution(Pack<double> x) {
  constexpr double density_at_zero = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return {for_each_lane(x, [](double v) { return std::erfc(-v / std::numbers::sqrt2) / 2; }),
          for_each_lane(x, [](double v) { return density_at_zero * std::exp(-v * v / 2); })};
}

}  // namespace detail
ACCRETE_END_NAMESPACE
