/// Bars side by side in groups, each with its value written above it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/plot/axes.hpp>
#include <accrete/report/plot/legend.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

/// One value per group, none negative. A value that is not finite is missing: a dash stands in its place.
struct BarSeries {
  std::string name{};
  std::vector<double> values{};
  std::optional<Role> color{};
};

/// Which bar of a group is the winner, whose value is written in bold.
enum class Best { none, lowest, highest };

struct BarChart {
  Caption caption{};
  Axis y_axis{};  ///< always linear, and always from zero
  std::vector<std::string> groups{};
  std::vector<BarSeries> series{};
  Best best = Best::none;
  int decimals = 2;
};

/// ValueError if a series has not one value per group, or a negative one.
[[nodiscard]] std::string to_svg(BarChart const& chart);

namespace detail {

[[nodiscard]] inline std::string fixed_number(double value, int decimals) {
  std::string text = short_number(value, decimals);
  if (decimals <= 0) return grouped_digits(text);
  if (text.find('.') == std::string::npos) text += '.';
  std::size_t const present = text.size() - text.find('.') - 1;
  text.append(static_cast<std::size_t>(decimals) - present, '0');
  return grouped_digits(text);
}

[[nodiscard]] inline double best_of(BarChart const& chart, std::size_t group) {
  double best = std::numeric_limits<double>::quiet_NaN();
  for (BarSeries const& series : chart.series) {
    double const value = series.values[group];
    if (chart.best == Best::none || !std::isfinite(value)) continue;
    if (std::isnan(best) || (chart.best == Best::lowest ? value < best : value > best))
      best = value;
  }
  return best;
}

inline void check(BarChart const& chart) {
  for (BarSeries const& series : chart.series) {
    if (series.values.size() != chart.groups.size()) {
      throw ValueError(message("bar chart: series ", series.name, ": expected ",
                               chart.groups.size(), " values, one per group, got ",
                               series.values.size()));
    }
    for (double const value : series.values) {
      if (value < 0)
        throw ValueError(message("bar chart: series ", series.name, ": negative value ", value));
    }
  }
}

/// A bar with rounded upper corners that stands on the axis.
[[nodiscard]] inline std::string bar_path(double x, double top, double width, double bottom) {
  double const corner = std::min({2.5, width / 2, bottom - top});
  std::string const r = short_number(corner);
  return 'M' + short_number(x) + ' ' + short_number(bottom) + 'V' + short_number(top + corner) +
         'q' + "0 -" + r + ' ' + r + " -" + r + 'h' + short_number(width - 2 * corner) + 'q' + r +
         " 0 " + r + ' ' + r + 'V' + short_number(bottom) + 'z';
}

}  // namespace detail

inline std::string to_svg(BarChart const& chart) {
  detail::check(chart);
  Caption const& caption = chart.caption;
  Svg svg(caption.width, caption.height, caption.title);
  std::vector<LegendEntry> entries;
  Range range{0, 0};
  for (BarSeries const& series : chart.series) {
    entries.push_back({series.name, series.color
                                        ? *series.color
                                        : series_role(static_cast<Index>(entries.size()))});
    range.include(series.values);
  }
  if (range.high == 0) range.high = 1;
  range = {0, chart.y_axis.high ? *chart.y_axis.high : range.high * 1.04};

  Box box{};
  double below = draw_titles(svg, caption);
  if (entries.size() > 1) below = draw_legend(svg, entries, 0, caption.width, below);
  box.top = below + (chart.y_axis.label.empty() ? 14 : 30);
  box.bottom = caption.height - 28;
  Scale const y_scale(range, box.bottom, box.top);
  Index const y_ticks = std::max<Index>(2, static_cast<Index>(box.height() / 60));
  box.left = tick_label_room(y_scale, y_ticks);
  box.right = caption.width;
  draw_y_axis(svg, y_scale, box, chart.y_axis, y_ticks);

  double const group_width =
      box.width() / static_cast<double>(std::max<std::size_t>(chart.groups.size(), 1));
  double const slot = std::min(
      group_width * 0.86 / static_cast<double>(std::max<std::size_t>(entries.size(), 1)), 64.0);
  double const bar_width = slot * 0.9;
  double const number_size = std::clamp(slot * 0.38, 8.5, 12.0);
  for (std::size_t g = 0; g < chart.groups.size(); ++g) {
    double const centre = box.left + group_width * (static_cast<double>(g) + 0.5);
    double x = centre - slot * static_cast<double>(entries.size()) / 2 + (slot - bar_width) / 2;
    double const best = detail::best_of(chart, g);
    for (std::size_t s = 0; s < entries.size(); ++s, x += slot) {
      double const value = chart.series[s].values[g];
      bool const present = std::isfinite(value);
      double const top = present ? std::max(y_scale(value), box.top) : box.bottom;
      std::string const number =
          present ? detail::fixed_number(value, chart.decimals) : "\xE2\x80\x93";
      if (present && top < box.bottom) {
        svg.fill_path(detail::bar_path(x, top, bar_width, box.bottom), entries[s].role,
                      chart.groups[g] + ", " + entries[s].name + ": " + number);
      }
      if (slot >= 13) {
        svg.text(
            x + bar_width / 2, top - 5, number,
            {.size = number_size, .anchor = Anchor::middle, .bold = value == best, .halo = true});
      }
    }
    svg.text(centre, box.bottom + 19, chart.groups[g], {.size = 13, .anchor = Anchor::middle});
  }
  svg.line(box.left, box.bottom, box.right, box.bottom, Role::axis);
  return std::move(svg).finish();
}

}  // namespace plot
ACCRETE_END_NAMESPACE
