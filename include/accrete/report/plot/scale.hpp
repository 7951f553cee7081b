/// From numbers to pixels, and where the ticks of an axis stand.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/markup.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

/// A closed interval that grows to hold what it is shown. Values that are not finite do not count.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  [[nodiscard]] bool empty() const { return low > high; }
  /// Wider by `share` of its length at both ends.
  [[nodiscard]] Range widened(double share) const {
    double const room = empty() ? 0 : (high - low) * share;
    return {low - room, high + room};
  }
  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void include(std::span<double const> values) {
    for (double const value : values) include(value);
  }
};

struct Tick {
  double value;
  std::string label;
};

/// value in [low, high] -> pixel in [first, last], linear or logarithmic.
class Scale {
 public:
  /// An empty range becomes [0, 1], a single point gets some room on both sides. Logarithmic scales need low > 0 and
  /// fall back to a linear one otherwise.
  Scale(Range range, double first_pixel, double last_pixel, bool logarithmic = false);

  /// Moves both ends outwards to the next tick. Logarithmic scales stay as they are.
  void round_outwards(Index about_ticks);

  [[nodiscard]] double operator()(double value) const;
  [[nodiscard]] bool logarithmic() const { return logarithmic_; }
  [[nodiscard]] Range range() const { return range_; }
  /// Whether `value` has a place on this scale.
  [[nodiscard]] bool shows(double value) const {
    return value >= range_.low && value <= range_.high;
  }

  /// About `count` ticks at 1, 2 or 5 times a power of ten.
  [[nodiscard]] std::vector<Tick> ticks(Index count) const;

 private:
  [[nodiscard]] std::vector<Tick> logarithmic_ticks(Index count) const;

  Range range_;
  double first_pixel_;
  double last_pixel_;
  bool logarithmic_;
};

/// The distance of about `count` ticks over `length`: 1, 2 or 5 times a power of ten.
[[nodiscard]] inline double tick_step(double length, Index count) {
  double const raw = length / static_cast<double>(std::max<Index>(count, 1));
  double const power = std::pow(10.0, std::floor(std::log10(raw)));
  double const fraction = raw / power;
  double const nice = fraction < 1.5 ? 1 : fraction < 3.5 ? 2 : fraction < 7.5 ? 5 : 10;
  return nice * power;
}

/// "12 000", "0.25", "3 M": the decimals that a step of `step` needs.
[[nodiscard]] inline std::string tick_label(double value, double step) {
  double const size = std::max(std::abs(value), step);
  if (size >= 1e15 || step < 1e-9) {
    std::array<char, 32> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::scientific, 1);
    return {digits.data(), end.ptr};
  }
  if (step >= 1e9)
    return value == 0 ? "0" : grouped_digits(short_number(value / 1e9, 1)) + "\xE2\x80\xAFG";
  if (step >= 1e5)
    return value == 0 ? "0" : grouped_digits(short_number(value / 1e6, 1)) + "\xE2\x80\xAFM";
  int const decimals = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
  std::array<char, 400> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                 std::chars_format::fixed, decimals);
  std::string label(digits.data(), end.ptr);
  if (label.find_first_of("123456789") == std::string::npos) return "0";
  if (label.front() == '-') label.replace(0, 1, "\xE2\x88\x92");
  return grouped_digits(label);
}

inline Scale::Scale(Range range, double first_pixel, double last_pixel, bool logarithmic)
    : range_(range), first_pixel_(first_pixel), last_pixel_(last_pixel), logarithmic_(logarithmic) {
  if (range_.empty()) range_ = {0, 1};
  if (logarithmic_ && range_.low <= 0) logarithmic_ = false;
  if (range_.low == range_.high) {
    double const room = range_.low == 0 ? 1 : std::abs(range_.low) * 0.5;
    range_ = {range_.low - room, range_.high + room};
  }
}

inline void Scale::round_outwards(Index about_ticks) {
  if (logarithmic_) return;
  double const step = tick_step(range_.high - range_.low, about_ticks);
  range_.low = std::floor(range_.low / step + 1e-9) * step;
  range_.high = std::ceil(range_.high / step - 1e-9) * step;
}

inline double Scale::operator()(double value) const {
  double const share = logarithmic_ ? (std::log(value) - std::log(range_.low)) /
                                          (std::log(range_.high) - std::log(range_.low))
                                    : (value - range_.low) / (range_.high - range_.low);
  return first_pixel_ + share * (last_pixel_ - first_pixel_);
}

inline std::vector<Tick> Scale::ticks(Index count) const {
  if (logarithmic_) return logarithmic_ticks(count);
  double const step = tick_step(range_.high - range_.low, count);
  std::vector<Tick> ticks;
  double const first = std::ceil(range_.low / step - 1e-9);
  for (Index i = 0; i < 4 * std::max<Index>(count, 1);
       ++i) {  // bounded even where first + 1 == first
    double const value = (first + static_cast<double>(i)) * step;
    if (!(value <= range_.high + 1e-9 * step)) break;
    ticks.push_back({value, tick_label(value, step)});
  }
  return ticks;
}

inline std::vector<Tick> Scale::logarithmic_ticks(Index count) const {
  double const decades = std::log10(range_.high) - std::log10(range_.low);
  if (decades < 0.7) {  // less than 1 : 5, where even steps read better
    Scale even = *this;
    even.logarithmic_ = false;
    return even.ticks(count);
  }
  std::vector<double> factors{1};
  if (decades * 2 < static_cast<double>(count)) factors = {1, 3};
  if (decades * 3 < static_cast<double>(count)) factors = {1, 2, 5};
  double const every = std::max(1.0, std::ceil(decades / static_cast<double>(count)));
  std::vector<Tick> ticks;
  for (double power = std::floor(std::log10(range_.low)); power <= std::log10(range_.high);
       power += every) {
    for (double const factor : factors) {
      double const value = factor * std::pow(10.0, power);
      if (value < range_.low * (1 - 1e-9) || value > range_.high * (1 + 1e-9)) continue;
      ticks.push_back({value, tick_label(value, std::pow(10.0, power))});
    }
  }
  return ticks;
}

}  // namespace plot
ACCRETE_END_NAMESPACE
