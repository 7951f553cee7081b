/// The tables of a study's report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <accrete/report/html.hpp>
#include <accrete/report/plot.hpp>

#include "claims.hpp"

namespace study::detail {

namespace plot = accrete::plot;

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
                                       {"seconds, median", true},
                                       {"MiB", true}}};
  for (Row const& run : run_rows()) {
    Cell const& cell = run.cell;
    Estimate const loss = estimate(results.numbers(cell, "validation_loss"));
    if (loss.count == 0) continue;
    auto const bits =
        results.over_seeds(cell, [](Json const& json) { return mean_of(json.at("bits")); });
    auto const mean = [&](char const* key) { return estimate(results.numbers(cell, key)).mean; };
    table.rows.push_back({{run.name},
                          {std::to_string(loss.count)},
                          {loss.text(4)},
                          {estimate(bits).text(3)},
                          {grouped(mean("active_parameters"))},
                          {grouped(mean("tokens"))},
                          {grouped(median(results.numbers(cell, "seconds")))},
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

}  // namespace study::detail
