/// Points in the plane, coloured by class; a few of them named.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
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

struct ScatterPoint {
  double x = 0, y = 0;
  Index class_index = 0;
  std::string
      label{};  ///< written beside the point where there is room for it; the first points are served first
};

struct ScatterClass {
  std::string name{};
  std::optional<Role> color{};
};

struct ScatterPlot {
  Caption caption{};
  Axis x_axis{};  ///< both axes are linear
  Axis y_axis{};
  std::vector<ScatterClass> classes{};
  std::vector<ScatterPoint> points{};  ///< those that are not finite are left out
  double radius = 1.6;
};

/// Large classes are drawn first, so that small ones stay visible. ValueError if a point's class does not exist.
[[nodiscard]] std::string to_svg(ScatterPlot const& plot);

namespace detail {

/// Rectangles that are taken, on a coarse grid of cells: asking whether a label fits costs its own area only.
class LabelPlaces {
 public:
  LabelPlaces(double width, double height)
      : columns_(static_cast<std::size_t>(width / cell) + 1),
        rows_(static_cast<std::size_t>(height / cell) + 1),
        taken_(columns_ * rows_, false) {}

  /// Takes the rectangle and returns true, unless part of it is taken or outside.
  bool take(double left, double top, double right, double bottom) {
    if (left < 0 || top < 0) return false;
    auto const x0 = static_cast<std::size_t>(left / cell),
               x1 = static_cast<std::size_t>(right / cell);
    auto const y0 = static_cast<std::size_t>(top / cell),
               y1 = static_cast<std::size_t>(bottom / cell);
    if (x1 >= columns_ || y1 >= rows_) return false;
    for (std::size_t y = y0; y <= y1; ++y) {
      for (std::size_t x = x0; x <= x1; ++x) {
        if (taken_[y * columns_ + x]) return false;
      }
    }
    for (std::size_t y = y0; y <= y1; ++y) {
      for (std::size_t x = x0; x <= x1; ++x) taken_[y * columns_ + x] = true;
    }
    return true;
  }

 private:
  static constexpr double cell = 4;
  std::size_t columns_, rows_;
  std::vector<bool> taken_;
};

inline void draw_point_labels(Svg& svg, ScatterPlot const& plot, std::vector<Role> const& colors,
                              Scale const& x_scale, Scale const& y_scale, Box const& box) {
  double const size = 11.5;
  LabelPlaces places(box.width(), box.height());
  for (ScatterPoint const& point : plot.points) {
    if (point.label.empty() || !x_scale.shows(point.x) || !y_scale.shows(point.y)) continue;
    double const x = x_scale(point.x), y = y_scale(point.y);
    double const width = text_width(point.label, size);
    if (!places.take(x - box.left - 4, y - box.top - 8, x - box.left + 10 + width, y - box.top + 8))
      continue;
    svg.circle(x, y, plot.radius + 1.6, colors[static_cast<std::size_t>(point.class_index)], true);
    svg.text(x + 6, y + 4, point.label, {.size = size, .halo = true});
  }
}

}  // namespace detail

inline std::string to_svg(ScatterPlot const& plot) {
  Range x_range, y_range;
  std::vector<Role> colors;
  for (ScatterClass const& each : plot.classes) {
    colors.push_back(each.color ? *each.color : series_role(static_cast<Index>(colors.size())));
  }
  std::vector<std::size_t> counts(colors.size(), 0);
  for (ScatterPoint const& point : plot.points) {
    if (point.class_index < 0 || static_cast<std::size_t>(point.class_index) >= colors.size()) {
      throw ValueError(message("scatter plot: class ", point.class_index, " of ", colors.size()));
    }
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    x_range.include(point.x);
    y_range.include(point.y);
    ++counts[static_cast<std::size_t>(point.class_index)];
  }

  Caption const& caption = plot.caption;
  Svg svg(caption.width, caption.height, caption.title);
  std::vector<LegendEntry> entries;
  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < colors.size(); ++c) {
    entries.push_back(
        {plot.classes[c].name + "  " + grouped_digits(std::to_string(counts[c])), colors[c]});
    order.push_back(c);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });

  Box box{};
  double const below = draw_legend(svg, entries, 0, caption.width, draw_titles(svg, caption));
  box.top = below + (plot.y_axis.label.empty() ? 8 : 26);
  box.bottom = caption.height - (plot.x_axis.label.empty() ? 26 : 44);
  Index const y_ticks = std::max<Index>(2, static_cast<Index>(box.height() / 70));
  Scale const y_scale(axis_range(plot.y_axis, y_range.widened(0.03)), box.bottom, box.top);
  box.left = tick_label_room(y_scale, y_ticks);
  box.right = caption.width - 8;
  Index const x_ticks = std::max<Index>(2, static_cast<Index>(box.width() / 90));
  Scale const x_scale(axis_range(plot.x_axis, x_range.widened(0.02)), box.left, box.right);
  draw_y_axis(svg, y_scale, box, plot.y_axis, y_ticks);
  draw_x_axis(svg, x_scale, box, plot.x_axis, x_ticks, true);

  for (std::size_t const c : order) {
    std::string dots;  // strokes of no length: their round caps are the points
    for (ScatterPoint const& point : plot.points) {
      if (static_cast<std::size_t>(point.class_index) != c) continue;
      if (!x_scale.shows(point.x) || !y_scale.shows(point.y)) continue;
      dots +=
          'M' + short_number(x_scale(point.x), 1) + ' ' + short_number(y_scale(point.y), 1) + "h0";
    }
    svg.stroke_path(dots, colors[c], 2 * plot.radius, 0.65);
  }
  detail::draw_point_labels(svg, plot, colors, x_scale, y_scale, box);
  return std::move(svg).finish();
}

}  // namespace plot
ACCRETE_END_NAMESPACE
