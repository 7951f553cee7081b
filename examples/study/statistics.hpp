/// Means over seeds, with intervals.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace study {

/// The mean of a sample and half of its 95 % interval, by Student's t; infinite for a sample of one.
struct Estimate {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double half_width = std::numeric_limits<double>::infinity();
  std::size_t count = 0;

  [[nodiscard]] double low() const { return mean - half_width; }
  [[nodiscard]] double high() const { return mean + half_width; }
  /// "2.310 ± 0.012", or the mean alone where there is no interval.
  [[nodiscard]] std::string text(int decimals = 3) const {
    if (count == 0) return "\xE2\x80\x93";
    std::array<char, 64> text{};
    if (std::isfinite(half_width))
      std::snprintf(text.data(), text.size(), "%.*f \xC2\xB1 %.*f", decimals, mean, decimals,
                    half_width);
    else
      std::snprintf(text.data(), text.size(), "%.*f", decimals, mean);
    return text.data();
  }
};

/// The middle value, or the mean of the two; NaN of none. NaNs are left out. For times: what disturbs one run leaves it.
[[nodiscard]] inline double median(std::vector<double> sample) {
  std::erase_if(sample, [](double value) { return std::isnan(value); });
  if (sample.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(sample);
  std::size_t const half = sample.size() / 2;
  return sample.size() % 2 == 1 ? sample[half] : (sample[half - 1] + sample[half]) / 2;
}

/// NaNs stand for what was not made, and are left out.
[[nodiscard]] inline Estimate estimate(std::vector<double> sample) {
  std::erase_if(sample, [](double value) { return std::isnan(value); });
  // The 97.5 % points of t with 1, 2, ... degrees of freedom.
  constexpr std::array<double, 10> quantiles{12.706, 4.303, 3.182, 2.776, 2.571,
                                             2.447,  2.365, 2.306, 2.262, 2.228};
  Estimate result{.count = sample.size()};
  if (sample.empty()) return result;
  auto const count = static_cast<double>(sample.size());
  double sum = 0, squares = 0;
  for (double const value : sample) sum += value;
  result.mean = sum / count;
  for (double const value : sample) squares += (value - result.mean) * (value - result.mean);
  if (sample.size() < 2) return result;
  std::size_t const freedom = sample.size() - 1;
  double const quantile = freedom <= quantiles.size()
                              ? quantiles[freedom - 1]
                              : 1.96 + 2.65 / static_cast<double>(freedom);  // a little wide
  result.half_width = quantile * std::sqrt(squares / (count - 1) / count);
  return result;
}

/// Of the differences a[i] - b[i] of those seeds that both have: what is common to a pair, such as its seed, cancels.
[[nodiscard]] inline Estimate paired_difference(std::vector<double> const& a,
                                                std::vector<double> const& b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) differences.push_back(a[i] - b[i]);
  return estimate(differences);
}

}  // namespace study
