/// The report of a study: report.html for people, report.json for programs, the pictures by themselves.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <accrete/report/duration.hpp>
#include <accrete/report/html.hpp>
#include <accrete/report/plot.hpp>

#include "claims.hpp"

namespace study {

namespace plot = accrete::plot;

/// The facts that stand beside the numbers.
struct Facts {
  std::string machine{}, engine{}, fingerprint{};
  std::size_t cells = 0;
  double seconds = 0;  // of all cells
};

namespace detail {

struct Row {
  std::string name{};
  Cell cell{};
};

[[nodiscard]] inline std::vector<Row> run_rows() {
  std::vector<Row> rows;
  for (auto const& [ground, ground_name] : ground_names.entries)
    for (auto const& [protocol, protocol_name] : protocol_names.entries)
      if (protocol != Protocol::zero || ground == Ground::glyph)
        rows.push_back({accrete::message(ground_name, ", ", protocol_name),
                        {.ground = ground, .protocol = protocol}});
  rows.push_back({"glyph, union of both halves, twice the tokens", {.task = Task::union_run}});
  return rows;
}

[[nodiscard]] inline std::vector<std::string> merge_models() {
  return {"expert a",      "expert b", "mean of logits", "mean of probabilities",
          "weighted mean", "gate",     "adapter",        "tuned heads"};
}

[[nodiscard]] inline std::string grouped(double value) {
  return accrete::grouped_digits(std::to_string(static_cast<Index>(value)));
}

inline accrete::HtmlTable runs_table(Results const& results) {
  accrete::HtmlTable table{.columns = {{"cell"},
                                       {"seeds", true},
                                       {"validation loss, nats", true},
                                       {"bits per character", true},
                                       {"active parameters", true},
                                       {"tokens", true},
                                       {"seconds", true},
                                       {"MiB", true}}};
  for (Row const& run : run_rows()) {
    Cell const& cell = run.cell;
    auto const loss = results.numbers(cell, "validation_loss");
    if (loss.empty()) continue;
    auto const bits =
        results.over_seeds(cell, [](Json const& json) { return mean_of(json.at("bits")); });
    auto const mean = [&](char const* key) { return estimate(results.numbers(cell, key)).mean; };
    table.rows.push_back({{run.name},
                          {std::to_string(loss.size())},
                          {estimate(loss).text(4)},
                          {estimate(bits).text(3)},
                          {grouped(mean("active_parameters"))},
                          {grouped(mean("tokens"))},
                          {grouped(mean("seconds"))},
                          {grouped(mean("mib"))}});
  }
  return table;
}

inline accrete::HtmlTable depth_table(Results const& results) {
  accrete::HtmlTable table{.columns = {{"validation loss at the end of each stage"},
                                       {"stage 1", true},
                                       {"stage 2", true},
                                       {"stage 3", true}}};
  for (auto const& [name, cell] : run_rows()) {
    if (cell.protocol == Protocol::monolithic) continue;
    std::vector<accrete::HtmlCell> row{{name}};
    for (std::size_t stage = 0; stage < 3; ++stage)
      row.push_back(
          {estimate(results.over_seeds(cell, [stage](Json const& json) {
             return json.at("stages").as_array().at(stage).at("validation_loss").as_double();
           })).text(4)});
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// Bits per character by language of everything that was merged from experts on one ground.
inline accrete::HtmlTable fusion_table(Results const& results, Measures const& measures,
                                       Ground ground) {
  accrete::HtmlTable table{
      .columns = {{accrete::message("bits per character, ", ground_names.name_of(ground))}}};
  for (auto const& language : measures.languages) table.columns.push_back({language, true});
  table.columns.push_back({"mean", true});
  for (auto const& [name, text] : measures.odd) table.columns.push_back({name, true});
  Cell const cell{.task = Task::merge, .ground = ground};
  for (auto const& model : merge_models()) {
    std::vector<accrete::HtmlCell> row{{model}};
    for (auto const& language : measures.languages)
      row.push_back({estimate(results.over_seeds(cell, merged_bits(model, {language}))).text(3)});
    row.push_back({estimate(results.over_seeds(cell, merged_bits(model))).text(3)});
    for (auto const& [name, text] : measures.odd)
      row.push_back(
          {estimate(results.over_seeds(cell, merged_bits(model, {name}, "odd"))).text(3)});
    table.rows.push_back(std::move(row));
  }
  if (ground == Ground::glyph) {
    auto const add = [&](std::string const& name, auto const& of) {
      std::vector<accrete::HtmlCell> row{{name}};
      for (auto const& language : measures.languages)
        row.push_back({of(std::vector<std::string>{language})});
      row.push_back({of(measures.languages)});
      row.resize(table.columns.size(), {"\xE2\x80\x93"});
      table.rows.push_back(std::move(row));
    };
    add("one model on both halves", [&](std::vector<std::string> const& names) {
      return estimate(results.over_seeds(
                          {.task = Task::union_run},
                          [&](Json const& json) { return mean_of(json.at("bits"), names); }))
          .text(3);
    });
    add("unigram", [&](std::vector<std::string> const& names) {
      double sum = 0;
      for (auto const& name : names)
        sum += measures.unigram.at(name) / static_cast<double>(names.size());
      return plot::detail::fixed_number(sum, 3);
    });
  }
  return table;
}

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

[[nodiscard]] inline Json to_json(Estimate const& estimate) {
  auto const number = [](double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
  };
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
