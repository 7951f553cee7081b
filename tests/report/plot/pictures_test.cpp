#include <boost/test/unit_test.hpp>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <accrete/report/plot.hpp>

#include "../well_formed.hpp"

using namespace accrete::plot;
using accrete_test::occurrences;
using accrete_test::xml_fault;

namespace {

std::string const hostile = "<b>\"&'\x02\xFF";
double const not_a_number = std::numeric_limits<double>::quiet_NaN();
double const infinity = std::numeric_limits<double>::infinity();

LineSeries ramp(std::string name, int count, LineStyle style = LineStyle::line) {
  LineSeries series{.name = std::move(name), .style = style};
  for (int i = 0; i < count; ++i) {
    series.x.push_back(i);
    series.y.push_back(1 + i % 7);
  }
  return series;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plot_line)

BOOST_AUTO_TEST_CASE(hostile_words_stay_words) {
  LinePlot const plot{.caption = {.title = hostile, .subtitle = hostile},
                      .x_axis = {.label = hostile},
                      .y_axis = {.label = hostile},
                      .series = {ramp(hostile, 9, LineStyle::marked), ramp(hostile, 9)},
                      .marks = {{3, hostile}}};
  BOOST_TEST(xml_fault(to_svg(plot)) == "");
}

BOOST_AUTO_TEST_CASE(a_plot_without_data_is_a_frame) {
  BOOST_TEST(xml_fault(to_svg(LinePlot{})) == "");
  BOOST_TEST(xml_fault(to_svg(LinePlot{.x_axis = {.logarithmic = true},
                                       .y_axis = {.logarithmic = true}})) == "");
}

BOOST_AUTO_TEST_CASE(values_that_are_not_finite_leave_a_gap) {
  LinePlot const plot{
      .series = {
          {.name = "a", .x = {0, 1, 2, 3, 4, 5}, .y = {1, 2, not_a_number, 3, infinity, 2}}}};
  std::string const svg = to_svg(plot);
  BOOST_TEST(xml_fault(svg) == "");
  std::size_t const path = svg.find(" d=\"M");
  BOOST_REQUIRE(path != std::string::npos);
  std::string const data = svg.substr(path + 4, svg.find('"', path + 4) - path - 4);
  BOOST_TEST(occurrences(data, "M") == 3);
  BOOST_TEST(occurrences(svg, "nan") == 0);
  BOOST_TEST(occurrences(svg, "inf") == 0);
}

BOOST_AUTO_TEST_CASE(up_to_five_lines_are_named_at_their_ends) {
  LinePlot plot;
  for (int i = 0; i < 5; ++i) plot.series.push_back(ramp("line " + std::to_string(i), 5));
  BOOST_TEST(occurrences(to_svg(plot), ">line ") == 5);
  BOOST_TEST(occurrences(to_svg(plot), "rx=\"2\"") == 0);
  plot.series.push_back(ramp("line 5", 5));
  BOOST_TEST(occurrences(to_svg(plot), ">line ") == 6);
  BOOST_TEST(occurrences(to_svg(plot), "rx=\"2\"") == 6);  // a legend's samples
}

BOOST_AUTO_TEST_CASE(faint_lines_have_no_name) {
  LinePlot const plot{.series = {ramp("noise", 5, LineStyle::faint), ramp("a", 5), ramp("b", 5)}};
  BOOST_TEST(occurrences(to_svg(plot), "noise") == 0);
}

BOOST_AUTO_TEST_CASE(a_million_points_become_what_can_be_seen) {
  LinePlot plot{.series = {ramp("long", 1'000'000)}};
  plot.series.front().y[500'000] = 50;  // a spike is seen
  std::string const svg = to_svg(plot);
  BOOST_TEST(svg.size() < 100'000U);
  LinePlot const flat{.series = {ramp("long", 1'000'000)}};
  BOOST_TEST(to_svg(flat) != svg);
}

BOOST_AUTO_TEST_CASE(growth_is_marked_where_it_happened) {
  LinePlot const plot{.series = {ramp("a", 100)},
                      .marks = {{10, "2 blocks"}, {50, "4 blocks"}, {500, "outside"}}};
  std::string const svg = to_svg(plot);
  BOOST_TEST(occurrences(svg, "stroke-dasharray") == 2);
  BOOST_TEST(occurrences(svg, "4 blocks") == 1);
  BOOST_TEST(occurrences(svg, "outside") == 0);
}

BOOST_AUTO_TEST_CASE(labels_keep_their_distance) {
  std::vector<double> const spread = detail::spread({50, 51, 52, 10}, 16, 0, 60);
  BOOST_TEST(spread[3] == 10);
  BOOST_TEST(spread[2] == 60);
  BOOST_TEST(spread[1] == 44);
  BOOST_TEST(spread[0] == 28);
}

BOOST_AUTO_TEST_CASE(x_without_y_is_refused) {
  BOOST_CHECK_THROW(
      static_cast<void>(to_svg(LinePlot{.series = {{.name = "a", .x = {1, 2}, .y = {1}}}})),
      accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(plot_bars)

BOOST_AUTO_TEST_CASE(each_bar_says_its_value) {
  BarChart const chart{.groups = {"English", "Russian"},
                       .series = {{"merged", {2.5, 3}}, {"union", {2.25, 3.125}}},
                       .best = Best::lowest};
  std::string const svg = to_svg(chart);
  BOOST_TEST(xml_fault(svg) == "");
  for (std::string const value : {">2.50<", ">3.00<", ">2.25<", ">3.12<"})
    BOOST_TEST(occurrences(svg, value) == 1);
  BOOST_TEST(occurrences(svg, "<title>Russian, merged: 3.00</title>") == 1);
  BOOST_TEST(occurrences(svg, "font-weight=\"600\"") == 2);
}

BOOST_AUTO_TEST_CASE(a_missing_value_is_a_dash) {
  BarChart const chart{.groups = {"a"}, .series = {{"x", {not_a_number}}, {"y", {1}}}};
  BOOST_TEST(occurrences(to_svg(chart), ">\xE2\x80\x93<") == 1);
}

BOOST_AUTO_TEST_CASE(hostile_words_stay_words) {
  BarChart const chart{.caption = {.title = hostile, .subtitle = hostile},
                       .y_axis = {.label = hostile},
                       .groups = {hostile, hostile},
                       .series = {{hostile, {1, 2}}, {hostile, {0, 1e300}}}};
  BOOST_TEST(xml_fault(to_svg(chart)) == "");
  BOOST_TEST(xml_fault(to_svg(BarChart{})) == "");
}

BOOST_AUTO_TEST_CASE(wrong_data_is_refused) {
  BOOST_CHECK_THROW(static_cast<void>(to_svg(BarChart{.groups = {"a"}, .series = {{"x", {1, 2}}}})),
                    accrete::ValueError);
  BOOST_CHECK_THROW(static_cast<void>(to_svg(BarChart{.groups = {"a"}, .series = {{"x", {-1}}}})),
                    accrete::ValueError);
}

BOOST_AUTO_TEST_CASE(decimals_stay) {
  BOOST_TEST(detail::fixed_number(2, 3) == "2.000");
  BOOST_TEST(detail::fixed_number(2.3456, 3) == "2.346");
  BOOST_TEST(detail::fixed_number(12345.6, 0) ==
             "12\xE2\x80\xAF"
             "346");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(plot_scatter)

BOOST_AUTO_TEST_CASE(classes_have_colours_and_counts) {
  ScatterPlot const plot{
      .classes = {{"Latin"}, {"Han"}},
      .points = {
          {0, 0, 0, "a"}, {1, 1, 1, "文"}, {2, 0, 1}, {not_a_number, 0, 1}, {0, infinity, 0}}};
  std::string const svg = to_svg(plot);
  BOOST_TEST(xml_fault(svg) == "");
  BOOST_TEST(occurrences(svg, "Latin  1<") == 1);
  BOOST_TEST(occurrences(svg, "Han  2<") == 1);
  BOOST_TEST(occurrences(svg, "h0") == 3);
}

BOOST_AUTO_TEST_CASE(labels_do_not_cover_each_other) {
  ScatterPlot plot{.classes = {{"a"}}};
  for (int i = 0; i < 100; ++i) plot.points.push_back({0.001 * i, 0, 0, "label"});
  plot.points.push_back({1, 1, 0, "label"});
  int const shown = occurrences(to_svg(plot), ">label<");
  BOOST_TEST(shown >= 2);
  BOOST_TEST(shown < 10);
}

BOOST_AUTO_TEST_CASE(hostile_words_stay_words) {
  ScatterPlot const plot{.caption = {.title = hostile},
                         .x_axis = {.label = hostile},
                         .classes = {{hostile}},
                         .points = {{0, 0, 0, hostile}, {1, 2, 0, hostile}}};
  BOOST_TEST(xml_fault(to_svg(plot)) == "");
  BOOST_TEST(xml_fault(to_svg(ScatterPlot{})) == "");
}

BOOST_AUTO_TEST_CASE(a_class_that_does_not_exist_is_refused) {
  BOOST_CHECK_THROW(
      static_cast<void>(to_svg(ScatterPlot{.classes = {{"a"}}, .points = {{0, 0, 1}}})),
      accrete::ValueError);
  BOOST_CHECK_THROW(
      static_cast<void>(to_svg(ScatterPlot{.classes = {{"a"}}, .points = {{0, 0, -1}}})),
      accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(plot_bit_grid)

/// The bits that a path of rectangles "MxyhWvHh-Wz" covers, in units of `bit`, and how often.
std::vector<int> painted(std::string path, BitImage const& image) {
  std::vector<int> counts(image.bits.size(), 0);
  for (char& c : path) {
    if (c == 'M' || c == 'h' || c == 'v' || c == 'z') c = ' ';
  }
  std::istringstream numbers(path);
  for (int x, y, width, height, back; numbers >> x >> y >> width >> height >> back;) {
    for (int j = y; j < y + height; ++j) {
      for (int i = x; i < x + width; ++i)
        ++counts.at(static_cast<std::size_t>(j * image.width + i));
    }
  }
  return counts;
}

BOOST_AUTO_TEST_CASE(every_set_bit_is_painted_once) {
  unsigned state = 1;
  for (int density = 1; density < 8; ++density) {
    BitImage image{.width = 13, .height = 17};
    for (int i = 0; i < 13 * 17; ++i) {
      state = state * 1664525U + 1013904223U;
      image.bits.push_back(static_cast<int>(state >> 29) < density);
    }
    std::vector<int> const counts = painted(detail::bit_path(image, 0, 0, 1), image);
    for (std::size_t i = 0; i < counts.size(); ++i)
      BOOST_TEST(counts[i] == (image.bits[i] ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(a_page_is_as_long_as_its_rows) {
  BitGrid grid;
  grid.rows.push_back(
      {hostile, std::vector<BitImage>(
                    30, {.width = 2, .height = 2, .bits = {1, 0, 0, 1}, .label = hostile})});
  std::string const few = to_svg(grid);
  BOOST_TEST(xml_fault(few) == "");
  BOOST_TEST(occurrences(few, "<rect") == 31);
  BOOST_TEST(xml_fault(to_svg(BitGrid{})) == "");
}

BOOST_AUTO_TEST_CASE(wrong_sizes_are_refused) {
  BOOST_CHECK_THROW(static_cast<void>(to_svg(
                        BitGrid{.rows = {{"", {{.width = 2, .height = 2, .bits = {true}}}}}})),
                    accrete::ValueError);
  BOOST_CHECK_THROW(static_cast<void>(to_svg(
                        BitGrid{.rows = {{"", {{.width = -1, .height = -1, .bits = {true}}}}}})),
                    accrete::ValueError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(plot_palette)

BOOST_AUTO_TEST_CASE(pictures_suit_dark_screens_and_light_paper) {
  std::string const svg = to_svg(LinePlot{});
  BOOST_TEST(occurrences(svg, "@media screen and (prefers-color-scheme:dark)") == 1);
  BOOST_TEST(svg.find("fill=\"#ffffff\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(series_colours_repeat_after_eight) {
  BOOST_TEST((series_role(0) == Role::blue));
  BOOST_TEST((series_role(7) == Role::brown));
  BOOST_TEST((series_role(8) == Role::blue));
}

BOOST_AUTO_TEST_SUITE_END()
