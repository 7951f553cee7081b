/// A page of small one-bit pictures, as a model sees its glyphs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/plot/axes.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

/// width x height bits, row-major from the upper left corner.
struct BitImage {
  Index width = 0;
  Index height = 0;
  std::vector<bool> bits{};
  std::string label{};
};

/// Pictures that belong together, under one heading.
struct BitImageRow {
  std::string heading{};
  std::vector<BitImage> images{};
};

struct BitGrid {
  Caption caption{};  ///< its height is ignored: the page is as long as it has to be
  std::vector<BitImageRow> rows{};
  double cell = 56;  ///< side of the square that each picture fits into
};

/// ValueError if an image has not width * height bits.
[[nodiscard]] std::string to_svg(BitGrid const& grid);

namespace detail {

/// The set bits as one path: a rectangle for each run of bits in a row, and runs that repeat below it joined to it.
[[nodiscard]] inline std::string bit_path(BitImage const& image, double left, double top,
                                          double bit) {
  std::string path;
  auto const at = [&](Index x, Index y) {
    return image.bits[static_cast<std::size_t>(y * image.width + x)];
  };
  auto const same_run = [&](Index y, Index from, Index to) {
    if (y < 0 || y >= image.height) return false;
    if (from > 0 && at(from - 1, y)) return false;
    if (to < image.width && at(to, y)) return false;
    for (Index x = from; x < to; ++x) {
      if (!at(x, y)) return false;
    }
    return true;
  };
  for (Index y = 0; y < image.height; ++y) {
    for (Index from = 0; from < image.width; ++from) {
      if (!at(from, y)) continue;
      Index to = from;
      while (to < image.width && at(to, y)) ++to;
      if (!same_run(y - 1, from, to)) {
        Index below = y + 1;
        while (same_run(below, from, to)) ++below;
        std::string const width = short_number(static_cast<double>(to - from) * bit);
        path += 'M' + short_number(left + static_cast<double>(from) * bit) + ' ' +
                short_number(top + static_cast<double>(y) * bit) + 'h' + width + 'v' +
                short_number(static_cast<double>(below - y) * bit) + "h-" + width + 'z';
      }
      from = to;
    }
  }
  return path;
}

}  // namespace detail

inline std::string to_svg(BitGrid const& grid) {
  constexpr double gap = 8, label_room = 17, heading_room = 26, row_gap = 8;
  double const pitch = grid.cell + gap;
  std::size_t const columns =
      std::max<std::size_t>(1, static_cast<std::size_t>((grid.caption.width + gap) / pitch));
  double height = 0;
  {
    Svg measure(1, 1, {});
    height = draw_titles(measure, grid.caption);
  }
  double const first_row = height;
  for (BitImageRow const& row : grid.rows) {
    std::size_t const lines = (row.images.size() + columns - 1) / columns;
    height += (row.heading.empty() ? 0 : heading_room) +
              static_cast<double>(lines) * (pitch + label_room) + row_gap;
  }

  Svg svg(grid.caption.width, height, grid.caption.title);
  draw_titles(svg, grid.caption);
  double y = first_row;
  for (BitImageRow const& row : grid.rows) {
    if (!row.heading.empty()) {
      svg.text(0, y + 15, row.heading, {.role = Role::soft, .size = 12.5});
      y += heading_room;
    }
    for (std::size_t i = 0; i < row.images.size(); ++i) {
      BitImage const& image = row.images[i];
      if (image.width <= 0 || image.height <= 0 ||
          image.bits.size() !=
              static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height)) {
        throw ValueError(message("bit grid: image ", image.label, ": expected ", image.width, " x ",
                                 image.height, " bits, got ", image.bits.size()));
      }
      double const x = static_cast<double>(i % columns) * pitch;
      double const top = y + static_cast<double>(i / columns) * (pitch + label_room);
      double const bit = grid.cell / static_cast<double>(std::max(image.width, image.height));
      svg.rectangle(x, top, grid.cell, grid.cell, Role::grid, image.label, 3);
      svg.fill_path(
          detail::bit_path(image, x + (grid.cell - bit * static_cast<double>(image.width)) / 2,
                           top + (grid.cell - bit * static_cast<double>(image.height)) / 2, bit),
          Role::ink);
      svg.text(x + grid.cell / 2, top + grid.cell + 14, image.label,
               {.role = Role::soft, .size = 11.5, .anchor = Anchor::middle});
    }
    std::size_t const lines = (row.images.size() + columns - 1) / columns;
    y += static_cast<double>(lines) * (pitch + label_room) + row_gap;
  }
  return std::move(svg).finish();
}

}  // namespace plot
ACCRETE_END_NAMESPACE
