/// Spans of time and counts as people say them.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/markup.hpp>

ACCRETE_BEGIN_NAMESPACE

/// "12 s", "3 min 05 s", "2 h 07 min", "4 d 11 h": two units at most, rounded to the smaller one.
[[nodiscard]] inline std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  if (seconds >= 1e8) return "years";
  auto const two_digits = [](Index n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  Index const whole = static_cast<Index>(std::llround(seconds));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + two_digits(whole % 60) + " s";
  Index const minutes = (whole + 30) / 60;
  if (minutes < 24 * 60)
    return std::to_string(minutes / 60) + " h " + two_digits(minutes % 60) + " min";
  Index const hours = (minutes + 30) / 60;
  return std::to_string(hours / 24) + " d " + two_digits(hours % 24) + " h";
}

/// Three significant digits with a suffix: 950 -> "950", 12345 -> "12.3 k", 2.5e6 -> "2.5 M".
[[nodiscard]] inline std::string rate_text(double value) {
  if (!std::isfinite(value) || value < 0) return "?";
  constexpr std::array<std::string_view, 5> suffixes{"", " k", " M", " G", " T"};
  std::size_t power = 0;
  while (value >= 999.5 && power + 1 < suffixes.size()) {
    value /= 1000;
    ++power;
  }
  return short_number(value, value >= 99.95   ? 0
                             : value >= 9.995 ? 1
                                              : 2) +
         std::string(suffixes[power]);
}

ACCRETE_END_NAMESPACE
