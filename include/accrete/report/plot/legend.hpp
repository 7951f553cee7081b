/// A row of colour samples with names, wrapped where the width ends.
#pragma once

#include <string>
#include <vector>

#include <accrete/core/macros.hpp>
#include <accrete/report/plot/palette.hpp>
#include <accrete/report/plot/svg.hpp>
#include <accrete/report/plot/text_width.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

struct LegendEntry {
  std::string name;
  Role role;
};

/// Draws below `y` and returns the y below the legend. Without entries nothing is drawn.
inline double draw_legend(Svg& svg, std::vector<LegendEntry> const& entries, double left,
                          double right, double y) {
  if (entries.empty()) return y;
  double x = left;
  double baseline = y + 13;
  for (LegendEntry const& entry : entries) {
    double const width = 16 + text_width(entry.name, 12) + 18;
    if (x > left && x + width - 18 > right) {
      x = left;
      baseline += 19;
    }
    svg.rectangle(x, baseline - 9, 10, 10, entry.role, {}, 2);
    svg.text(x + 16, baseline, entry.name, {.size = 12});
    x += width;
  }
  return baseline + 8;
}

}  // namespace plot
ACCRETE_END_NAMESPACE
