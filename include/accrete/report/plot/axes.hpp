/// The frame of a picture: its titles, a light grid, tick labels and axis labels.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/plot/palette.hpp>
#include <accrete/report/plot/scale.hpp>
#include <accrete/report/plot/svg.hpp>
#include <accrete/report/plot/text_width.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

struct Axis {
  std::string label{};
  bool logarithmic = false;
  std::optional<double> low{}, high{};  ///< instead of the data's own ends
};

/// What the picture says in words, and how large it is.
struct Caption {
  std::string title{};
  std::string subtitle{};
  double width = 760;
  double height = 380;
};

/// The rectangle that holds the data.
struct Box {
  double left, top, right, bottom;
  [[nodiscard]] double width() const { return right - left; }
  [[nodiscard]] double height() const { return bottom - top; }
};

inline constexpr double label_size = 12;

/// Writes title and subtitle; returns the y at which the rest may begin.
inline double draw_titles(Svg& svg, Caption const& caption) {
  double y = 0;
  if (!caption.title.empty()) {
    svg.text(0, y += 14, caption.title, {.size = 15, .bold = true});
    y += 4;
  }
  if (!caption.subtitle.empty()) {
    svg.text(0, y += 15, caption.subtitle, {.role = Role::soft, .size = 12.5});
    y += 4;
  }
  return y + 4;
}

/// The part of `range` that `axis` asks for.
[[nodiscard]] inline Range axis_range(Axis const& axis, Range range) {
  if (axis.low) range.low = *axis.low;
  if (axis.high) range.high = *axis.high;
  return range;
}

/// The y axis: horizontal grid lines with labels on their left, and the axis' label `lift` above them, unturned.
inline void draw_y_axis(Svg& svg, Scale const& scale, Box const& box, Axis const& axis,
                        Index tick_count, double lift = 13) {
  for (Tick const& tick : scale.ticks(tick_count)) {
    double const y = scale(tick.value);
    svg.line(box.left, y, box.right, y, Role::grid);
    svg.text(box.left - 8, y + 4, tick.label,
             {.role = Role::soft, .size = label_size, .anchor = Anchor::end});
  }
  if (!axis.label.empty())
    svg.text(0, box.top - lift, axis.label, {.role = Role::soft, .size = label_size});
}

/// The x axis: a line with small ticks, or with grid lines, and labels below it.
inline void draw_x_axis(Svg& svg, Scale const& scale, Box const& box, Axis const& axis,
                        Index tick_count, bool grid = false) {
  for (Tick const& tick : scale.ticks(tick_count)) {
    double const x = scale(tick.value);
    if (grid) svg.line(x, box.top, x, box.bottom, Role::grid);
    svg.line(x, box.bottom, x, box.bottom + 4, Role::axis);
    svg.text(x, box.bottom + 18, tick.label,
             {.role = Role::soft, .size = label_size, .anchor = Anchor::middle});
  }
  svg.line(box.left, box.bottom, box.right, box.bottom, Role::axis);
  if (!axis.label.empty()) {
    svg.text((box.left + box.right) / 2, box.bottom + 36, axis.label,
             {.role = Role::soft, .size = label_size, .anchor = Anchor::middle});
  }
}

/// The room that the labels of `scale` take at the left of a picture.
[[nodiscard]] inline double tick_label_room(Scale const& scale, Index tick_count) {
  double room = 0;
  for (Tick const& tick : scale.ticks(tick_count))
    room = std::max(room, text_width(tick.label, label_size));
  return room + 14;
}

}  // namespace plot
ACCRETE_END_NAMESPACE
