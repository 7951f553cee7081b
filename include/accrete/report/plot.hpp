/// Pictures as SVG text: lines, bars, points and pages of small bit images.
///
/// Each picture is a plain struct and `plot::to_svg(picture)` is a complete SVG document, which also may stand as it
/// is inside an HTML page.
#pragma once

#include <accrete/report/plot/bar_chart.hpp>
#include <accrete/report/plot/bit_grid.hpp>
#include <accrete/report/plot/line_plot.hpp>
#include <accrete/report/plot/scatter_plot.hpp>
