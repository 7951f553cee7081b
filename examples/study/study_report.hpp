/// The report of a study: report.html for people, report.json for programs, the pictures by themselves.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <accrete/report/duration.hpp>
#include <accrete/report/html.hpp>
#include <accrete/report/plot.hpp>

#include "study_tables.hpp"

namespace study {

namespace plot = accrete::plot;

/// The facts that stand beside the numbers.
struct Facts {
  std::string machine{}, engine{}, fingerprint{};
  std::size_t cells = 0;
  double seconds = 0;  // of all cells
};

namespace detail {

/// The training loss of the first seed under each protocol.
inline plot::LinePlot curves(Results const& results, Ground ground) {
  plot::LinePlot picture{
      .caption = {.title = accrete::message("Training loss on ", ground_names.name_of(ground)),
                  .subtitle = "Seed 1; every protocol sees the same tokens in the same order."},
      .x_axis = {.label = "step"},
      .y_axis = {.label = "nats per token"}};
  plot::Range seen;
  for (auto const& [protocol, name] : protocol_names.entries) {
    Json const* const json = results.find({.ground = ground, .protocol = protocol});
    if (json == nullptr) continue;
    plot::LineSeries series{.name = std::string(name)};
    for (Json const& step : json->at("curve").at("steps").as_array())
      series.x.push_back(step.as_double());
    for (Json const& loss : json->at("curve").at("losses").as_array())
      series.y.push_back(loss.as_double());
    for (std::size_t i = series.y.size() / 20; i < series.y.size(); ++i) seen.include(series.y[i]);
    if (protocol == Protocol::grown)
      for (int stage = 1; stage < 3; ++stage)
        picture.marks.push_back(
            {series.x.back() * stage / 3, accrete::message("stage ", stage + 1)});
    picture.series.push_back(std::move(series));
  }
  if (!seen.empty()) {  // the first steps may leave the picture at its top
    plot::Range const room = seen.widened(0.06);
    picture.y_axis.low = room.low;
    picture.y_axis.high = room.high;
  }
  return picture;
}

inline plot::BarChart fusion_picture(Results const& results) {
  plot::BarChart chart{
      .caption = {.title = "Bits per character after the merge, mean of all languages",
                  .subtitle = "Mean over seeds. Lower is better, the best of each ground is bold."},
      .best = plot::Best::lowest};
  for (Ground const ground : {Ground::glyph, Ground::bits, Ground::learned})
    chart.groups.emplace_back(ground_names.name_of(ground));
  for (auto const& model : merge_models()) {
    plot::BarSeries series{.name = model};
    for (Ground const ground : {Ground::glyph, Ground::bits, Ground::learned})
      series.values.push_back(
          estimate(results.over_seeds({.task = Task::merge, .ground = ground}, merged_bits(model)))
              .mean);
    chart.series.push_back(std::move(series));
  }
  return chart;
}

[[nodiscard]] inline Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

[[nodiscard]] inline Json to_json(Estimate const& estimate) {
  return Json::object({{"mean", number(estimate.mean)},
                       {"half_width_95", number(estimate.half_width)},
                       {"seeds", static_cast<Index>(estimate.count)}});
}

}  // namespace detail

[[nodiscard]] inline Json report_json(Results const& results, Measures const& measures,
                                      Facts const& facts, Scale const& scale) {
  Json runs = Json::array(), merges = Json::array(), claims = Json::array();
  for (detail::Row const& run : detail::run_rows()) {
    Cell const& cell = run.cell;
    auto const of = [&](char const* key) {
      return detail::to_json(estimate(results.numbers(cell, key)));
    };
    runs.push_back(
        Json::object({{"cell", run.name},
                      {"validation_loss", of("validation_loss")},
                      {"bits_per_character",
                       detail::to_json(estimate(results.over_seeds(
                           cell, [](Json const& json) { return mean_of(json.at("bits")); })))},
                      {"active_parameters", of("active_parameters")},
                      {"tokens", of("tokens")},
                      {"seconds", of("seconds")},
                      {"median_seconds", detail::number(median(results.numbers(cell, "seconds")))},
                      {"mib", of("mib")}}));
  }
  for (Ground const ground : {Ground::glyph, Ground::bits, Ground::learned})
    for (auto const& model : detail::merge_models()) {
      Json languages = Json::object();
      for (auto const& language : measures.languages)
        languages[language] = detail::to_json(estimate(results.over_seeds(
            {.task = Task::merge, .ground = ground}, merged_bits(model, {language}))));
      merges.push_back(Json::object({{"ground", ground_names.name_of(ground)},
                                     {"model", model},
                                     {"bits_per_character", std::move(languages)}}));
    }
  for (Claim const& claim : find_claims(results, measures))
    claims.push_back(Json::object({{"claim", claim.claim},
                                   {"verdict", verdict_names.name_of(claim.verdict)},
                                   {"numbers", claim.numbers}}));
  return Json::object({{"scale", scale.name},
                       {"machine", facts.machine},
                       {"engine", facts.engine},
                       {"substrate", facts.fingerprint},
                       {"seconds", facts.seconds},
                       {"runs", std::move(runs)},
                       {"merges", std::move(merges)},
                       {"claims", std::move(claims)}});
}

inline void write_report(Results const& results, Measures const& measures, Facts const& facts,
                         Settings const& settings) {
  accrete::HtmlPage page("Frozen glyphs, growth and merging: a controlled study");
  page.lead(accrete::message(
      "Scale \"", settings.scale.name, "\": ", facts.cells,
      " cells, each with a seed of its own. Intervals are 95 %, by Student's t over seeds; "
      "differences are "
      "taken pair by pair of equal seeds, which see the same tokens in the same order."));
  page.heading("What the papers claim, what we see");
  accrete::HtmlTable verdicts{.columns = {{"claim"}, {"verdict"}, {"numbers"}}};
  for (Claim const& claim : find_claims(results, measures))
    verdicts.rows.push_back(
        {{claim.claim},
         {std::string(verdict_names.name_of(claim.verdict)), claim.verdict == Verdict::shown},
         {claim.numbers}});
  page.table(verdicts);
  page.paragraph(
      "\"Shown\" means that the whole interval lies on the claimed side of zero (or of the margin "
      "that is named), "
      "\"not shown\" that it does not: that is no proof of the contrary.");

  page.heading("Substrates and training protocols");
  page.table(detail::runs_table(results));
  std::vector<std::pair<std::string, std::string>> pictures;
  for (Ground const ground : {Ground::glyph, Ground::learned}) {
    pictures.emplace_back(accrete::message("curves-", ground_names.name_of(ground), ".svg"),
                          plot::to_svg(detail::curves(results, ground)));
    page.figure(pictures.back().second,
                "Dotted: new blocks on a frozen stack, for the grown protocols.");
  }
  page.heading("Loss by depth");
  page.table(detail::depth_table(results));

  page.heading("Merging experts");
  page.paragraph(
      "Two experts share no document: each has half of the first language and one or more of the "
      "others. Gate, adapter "
      "and heads train on text of all languages; weights are found on validation text. \"mixed\": "
      "documents whose lines "
      "change language; \"look-alike\": Cyrillic letters replaced by Latin ones of the same "
      "shape.");
  pictures.emplace_back("fusions.svg", plot::to_svg(detail::fusion_picture(results)));
  page.figure(
      pictures.back().second,
      "Experts on learned embeddings are the control: nothing but the vocabulary is shared.");
  for (Ground const ground : {Ground::glyph, Ground::bits, Ground::learned})
    page.table(detail::fusion_table(results, measures, ground));

  page.heading("How it was made");
  page.facts({{"machine", facts.machine},
              {"engine", facts.engine},
              {"time of all cells", accrete::duration_text(facts.seconds)},
              {"substrate", facts.fingerprint},
              {"accrete", ACCRETE_VERSION_STRING}});
  std::filesystem::create_directories(settings.output);
  for (auto const& [name, svg] : pictures)
    accrete::write_file_atomically(settings.output / name, svg);
  accrete::write_file_atomically(
      settings.output / "report.json",
      report_json(results, measures, facts, settings.scale).dump(2) + '\n');
  page.save(settings.output / "report.html");
}

}  // namespace study
