/// The demo's four pictures.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/report/plot.hpp>

#include "demo_result.hpp"

namespace demo {

namespace plot = accrete::plot;

[[nodiscard]] plot::BarChart bits_picture(DemoResult const& result);
[[nodiscard]] plot::LinePlot loss_picture(DemoResult const& result);
[[nodiscard]] plot::BitGrid glyph_picture(DemoResult const& result);
[[nodiscard]] plot::ScatterPlot table_picture(DemoResult const& result);

/// "English" for "en"; codes that the demo does not know stay as they are.
[[nodiscard]] inline std::string language_name(std::string_view code) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> names{
      {{"en", "English"}, {"ru", "Russian"}, {"zh", "Chinese"}}};
  for (auto const& [known, name] : names) {
    if (known == code) return std::string(name);
  }
  return std::string(code);
}

/// Models keep their colour through all pictures; what they are measured against is grey.
[[nodiscard]] inline plot::Role model_color(DemoResult const& result, std::string_view name) {
  if (name == "union") return plot::Role::grey;
  if (name == "unigram") return plot::Role::axis;
  Index next = 0;
  for (ModelFacts const& model : result.models) {
    if (model.name == name) break;
    next += model.name != "union" && model.name != "unigram";
  }
  return plot::series_role(next);
}

inline plot::BarChart bits_picture(DemoResult const& result) {
  plot::BarChart chart{
      .caption = {.title = "Bits per character",
                  .subtitle = "On the test split. Lower is better, the best is bold."},
      .best = plot::Best::lowest};
  for (std::string const& language : result.languages)
    chart.groups.push_back(language_name(language));
  chart.groups.push_back("mean");
  for (ModelFacts const& model : result.models) {
    std::vector<double> values = model.test_bits_per_character;
    values.push_back(mean_bits(model));
    chart.series.push_back({model.name, std::move(values), model_color(result, model.name)});
  }
  return chart;
}

namespace detail {

[[nodiscard]] inline std::string blocks(Index depth) {
  return std::to_string(depth) + (depth == 1 ? " block" : " blocks");
}

/// One mark per step at which models grew; it names the models only where they did not grow alike.
[[nodiscard]] inline std::vector<plot::VerticalMark> growth_marks(
    std::vector<LossCurve> const& curves) {
  std::vector<LossCurve const*> grown;
  for (LossCurve const& curve : curves) {
    if (!curve.growth.empty()) grown.push_back(&curve);
  }
  auto const same = [](LossCurve::Growth const& a, LossCurve::Growth const& b) {
    return a.step == b.step && a.depth == b.depth;
  };
  bool const alike = std::all_of(grown.begin(), grown.end(), [&](LossCurve const* curve) {
    return std::equal(curve->growth.begin(), curve->growth.end(), grown.front()->growth.begin(),
                      grown.front()->growth.end(), same);
  });
  std::vector<plot::VerticalMark> marks;
  for (LossCurve const* curve : grown) {
    if (alike && curve != grown.front()) continue;
    for (LossCurve::Growth const& growth : curve->growth) {
      marks.push_back({static_cast<double>(growth.step),
                       (alike ? "" : curve->model + ": ") + blocks(growth.depth)});
    }
  }
  std::stable_sort(marks.begin(), marks.end(),
                   [](auto const& a, auto const& b) { return a.x < b.x; });
  return marks;
}

}  // namespace detail

inline plot::LinePlot loss_picture(DemoResult const& result) {
  plot::LinePlot picture{.caption = {.title = "Loss while the experts grow",
                                     .subtitle = "Validation loss; pale behind it the loss of each "
                                                 "training step. Dotted: new blocks on "
                                                 "a frozen stack."},
                         .x_axis = {.label = "step"},
                         .y_axis = {.label = "nats per token"},
                         .marks = detail::growth_marks(result.curves)};
  plot::Range seen;
  for (LossCurve const& curve : result.curves) {
    plot::Role const color = model_color(result, curve.model);
    seen.include(curve.validation_losses);
    picture.series.push_back(
        {curve.model, curve.train_steps, curve.train_losses, plot::LineStyle::faint, color});
  }
  for (LossCurve const& curve : result.curves) {
    picture.series.push_back({curve.model, curve.validation_steps, curve.validation_losses,
                              plot::LineStyle::line, model_color(result, curve.model)});
  }
  if (!seen.empty()) {  // the first steps of training may leave the picture at its top
    plot::Range const room = seen.widened(0.06);
    picture.y_axis.low = room.low;
    picture.y_axis.high = room.high;
  }
  return picture;
}

inline plot::BitGrid glyph_picture(DemoResult const& result) {
  return {.caption =
              {.title = "Tokens as the models see them",
               .subtitle =
                   "These bits, and nothing about meaning, are what the frozen table is made of."},
          .rows = result.glyphs};
}

inline plot::ScatterPlot table_picture(DemoResult const& result) {
  plot::ScatterPlot picture{
      .caption = {.title = "The frozen embedding",
                  .subtitle = "Each point is a token.",
                  .width = 760,
                  .height = 560},
      .x_axis = {.label = "first principal component"},
      .y_axis = {.label = "second principal component"},
      .classes = {{"Latin"}, {"Cyrillic"}, {"Han"}, {"other", plot::Role::grey}}};
  std::array<std::size_t, 4> counts{}, seen{};
  for (ProjectedToken const& token : result.table) ++counts[static_cast<std::size_t>(token.script)];
  constexpr std::size_t labels_per_script = 16;
  for (ProjectedToken const& token : result.table) {
    auto const script = static_cast<std::size_t>(token.script);
    bool const labelled = seen[script]++ % (counts[script] / labels_per_script + 1) == 0;
    std::string label;
    for (char const c : labelled ? std::string_view(token.text) : std::string_view()) {
      label += c == ' ' ? "\xE2\x90\xA3" : std::string(1, c);  // a visible space
    }
    picture.points.push_back({token.x, token.y, static_cast<Index>(script), std::move(label)});
  }
  return picture;
}

}  // namespace demo
