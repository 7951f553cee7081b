/// Lines over a common x axis, named at their right ends, with vertical marks for events such as growth.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
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

enum class LineStyle {
  line,    ///< a plain line
  faint,   ///< a thin pale line without a name of its own, for the noisy background of another one
  marked,  ///< a line with a dot at each point
};

/// Points from left to right. A value that is not finite leaves a gap.
struct LineSeries {
  std::string name{};
  std::vector<double> x{};
  std::vector<double> y{};
  LineStyle style = LineStyle::line;
  std::optional<Role> color{};  ///< the next series colour unless given
};

struct VerticalMark {
  double x = 0;
  std::string label{};
};

struct LinePlot {
  Caption caption{};
  Axis x_axis{};
  Axis y_axis{};
  std::vector<LineSeries> series{};
  std::vector<VerticalMark> marks{};
};

/// Names of up to five series stand at the ends of their lines, more get a legend.
/// ValueError if a series has not as many y as x.
[[nodiscard]] std::string to_svg(LinePlot const& plot);

namespace detail {

/// One series in pixels, thinned out to what can be seen: of all points in one column of pixels the first, the
/// lowest, the highest and the last.
[[nodiscard]] inline std::string line_path(LineSeries const& series, Scale const& x_scale,
                                           Scale const& y_scale) {
  std::string path;
  bool pen_down = false;
  auto const put = [&](double x, double y) {
    path += (pen_down ? 'L' : 'M') + short_number(x, 1) + ' ' + short_number(y, 1);
    pen_down = true;
  };
  auto const seen = [&](std::size_t i) {
    return x_scale.shows(series.x[i]) && std::isfinite(series.y[i]) &&
           !(y_scale.logarithmic() && series.y[i] <= 0);
  };
  std::size_t i = 0;
  while (i < series.x.size()) {
    if (!seen(i)) {
      pen_down = false;
      ++i;
      continue;
    }
    double const column = std::floor(x_scale(series.x[i]));
    std::size_t lowest = i, highest = i, end = i;
    for (; end < series.x.size() && seen(end) && std::floor(x_scale(series.x[end])) == column;
         ++end) {
      if (series.y[end] < series.y[lowest]) lowest = end;
      if (series.y[end] > series.y[highest]) highest = end;
    }
    std::vector<std::size_t> kept{i, lowest, highest, end - 1};
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (std::size_t const k : kept) put(x_scale(series.x[k]), y_scale(series.y[k]));
    i = end;
  }
  return path;
}

/// Moves `wanted` heights apart so that neighbours keep `distance`, all within [top, bottom] where that is possible.
[[nodiscard]] inline std::vector<double> spread(std::vector<double> wanted, double distance,
                                                double top, double bottom) {
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  double floor = top;
  for (std::size_t const i : order) {
    wanted[i] = std::max(wanted[i], floor);
    floor = wanted[i] + distance;
  }
  double ceiling = bottom;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    wanted[*i] = std::min(wanted[*i], ceiling);
    ceiling = wanted[*i] - distance;
  }
  return wanted;
}

/// The series that carry a name, with their colours.
[[nodiscard]] inline std::vector<LegendEntry> named_series(std::vector<LineSeries> const& series,
                                                           std::vector<Role> const& colors) {
  std::vector<LegendEntry> entries;
  for (std::size_t i = 0; i < series.size(); ++i) {
    if (series[i].style != LineStyle::faint) entries.push_back({series[i].name, colors[i]});
  }
  return entries;
}

/// Names at the right ends, each joined to its line by a dot in its colour.
inline void draw_end_labels(Svg& svg, LinePlot const& plot, std::vector<Role> const& colors,
                            Scale const& x_scale, Scale const& y_scale, Box const& box) {
  struct End {
    std::size_t series;
    double x, y;
  };
  std::vector<End> ends;
  std::vector<double> heights;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    LineSeries const& series = plot.series[i];
    if (series.style == LineStyle::faint) continue;
    for (std::size_t k = series.x.size(); k-- > 0;) {
      if (!x_scale.shows(series.x[k]) || !y_scale.shows(series.y[k])) continue;
      ends.push_back({i, x_scale(series.x[k]), y_scale(series.y[k])});
      heights.push_back(ends.back().y);
      break;
    }
  }
  heights = spread(heights, 16, box.top, box.bottom);
  for (std::size_t e = 0; e < ends.size(); ++e) {
    Role const color = colors[ends[e].series];
    double const x = box.right + 12;
    if (std::abs(heights[e] - ends[e].y) > 2 || ends[e].x < box.right - 12) {
      svg.line(ends[e].x + 4, ends[e].y, x - 2, heights[e], Role::axis, 0.75);
    }
    svg.circle(ends[e].x, ends[e].y, 3.2, color, true);
    svg.text(x + 2, heights[e] + 4, plot.series[ends[e].series].name, {.size = 12.5, .bold = true});
  }
}

inline void draw_vertical_marks(Svg& svg, std::vector<VerticalMark> const& marks,
                                Scale const& x_scale, Box const& box) {
  double free_from = -1e9;
  for (VerticalMark const& mark : marks) {
    if (!x_scale.shows(mark.x)) continue;
    double const x = x_scale(mark.x);
    svg.line(x, box.top - 4, x, box.bottom, Role::soft, 1, "2 3");
    double const width = text_width(mark.label, 11.5);
    double const from = std::min(x - 1, box.right - width);
    if (from < free_from) continue;  // its line is drawn; a label on a label would hide both
    svg.text(from, box.top - 8, mark.label, {.role = Role::ink, .size = 11.5});
    free_from = from + width + 6;
  }
}

}  // namespace detail

inline std::string to_svg(LinePlot const& plot) {
  Range x_range, y_range;
  std::vector<Role> colors;
  Index next_color = 0;
  for (LineSeries const& series : plot.series) {
    if (series.x.size() != series.y.size()) {
      throw ValueError(message("line plot: series ", series.name, " has ", series.x.size(),
                               " x and ", series.y.size(), " y"));
    }
    colors.push_back(series.color ? *series.color : series_role(next_color++));
    x_range.include(series.x);
    for (double const y : series.y) {
      if (!plot.y_axis.logarithmic || y > 0) y_range.include(y);
    }
  }
  Caption const& caption = plot.caption;
  Svg svg(caption.width, caption.height, caption.title);
  std::vector<LegendEntry> const names = detail::named_series(plot.series, colors);
  bool const direct_labels = names.size() > 1 && names.size() <= 5;

  double const mark_room = plot.marks.empty() ? 0 : 16;
  Box box{};
  double below = draw_titles(svg, caption);
  if (names.size() > 5) below = draw_legend(svg, names, 0, caption.width, below);
  box.top = below + (plot.y_axis.label.empty() ? 8 : 26) + mark_room;
  box.bottom = caption.height - (plot.x_axis.label.empty() ? 26 : 44);
  Index const y_ticks = std::max<Index>(2, static_cast<Index>(box.height() / 50));
  Scale y_scale(axis_range(plot.y_axis, y_range), box.bottom, box.top, plot.y_axis.logarithmic);
  if (!plot.y_axis.low && !plot.y_axis.high) y_scale.round_outwards(y_ticks);
  box.left = tick_label_room(y_scale, y_ticks);
  box.right = caption.width - 16;
  if (direct_labels) {
    double room = 0;
    for (LegendEntry const& entry : names) room = std::max(room, text_width(entry.name, 12.5));
    box.right = caption.width - std::min(room * 1.08 + 18, caption.width / 3);
  }
  Scale const x_scale(axis_range(plot.x_axis, x_range), box.left, box.right,
                      plot.x_axis.logarithmic);

  draw_y_axis(svg, y_scale, box, plot.y_axis, y_ticks, 13 + mark_room);
  draw_x_axis(svg, x_scale, box, plot.x_axis,
              std::max<Index>(2, static_cast<Index>(box.width() / 90)));
  detail::draw_vertical_marks(svg, plot.marks, x_scale, box);
  svg.begin_clip(box.left - 4, box.top - 4, box.right + 4, box.bottom + 2);
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    LineSeries const& series = plot.series[i];
    bool const faint = series.style == LineStyle::faint;
    svg.stroke_path(detail::line_path(series, x_scale, y_scale), colors[i], faint ? 1 : 2,
                    faint ? 0.3 : 1);
    if (series.style != LineStyle::marked) continue;
    for (std::size_t k = 0; k < series.x.size(); ++k) {
      if (!x_scale.shows(series.x[k]) || !y_scale.shows(series.y[k])) continue;
      svg.circle(x_scale(series.x[k]), y_scale(series.y[k]), 3.2, colors[i], true,
                 short_number(series.x[k]) + ": " + short_number(series.y[k], 4));
    }
  }
  svg.end_clip();
  if (direct_labels) detail::draw_end_labels(svg, plot, colors, x_scale, y_scale, box);
  return std::move(svg).finish();
}

}  // namespace plot
ACCRETE_END_NAMESPACE
