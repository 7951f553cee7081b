/// The demo's report for people: one page with the pictures, the claims and the numbers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/version.hpp>
#include <accrete/report/duration.hpp>
#include <accrete/report/html.hpp>

#include "demo_pictures.hpp"
#include "demo_result.hpp"

namespace demo {

[[nodiscard]] accrete::HtmlPage report_page(DemoResult const& result);

namespace detail {

[[nodiscard]] inline std::string decimals(double value, int count) {
  return std::isfinite(value) ? plot::detail::fixed_number(value, count) : "\xE2\x80\x93";
}

[[nodiscard]] inline std::string count_text(Index count) {
  return accrete::grouped_digits(std::to_string(count));
}

[[nodiscard]] inline ModelFacts const* find_model(DemoResult const& result, std::string_view name) {
  auto const found = std::find_if(result.models.begin(), result.models.end(),
                                  [&](ModelFacts const& m) { return m.name == name; });
  return found == result.models.end() ? nullptr : &*found;
}

/// "mean of merged 2.31 · mean of en-ru 4.40"
[[nodiscard]] inline std::string numbers_text(Claim const& claim) {
  std::string words;
  for (auto const& [name, value] : claim.numbers) {
    words += (words.empty() ? "" : "  \xC2\xB7  ") + name + ' ' + decimals(value, 3);
  }
  return words;
}

/// Of each language the lowest bits of any expert: what one gets who always asks the right one.
[[nodiscard]] inline ModelFacts best_expert(DemoResult const& result) {
  ModelFacts best{.name = "best expert per language"};
  best.test_bits_per_character.assign(result.languages.size(),
                                      std::numeric_limits<double>::infinity());
  for (ModelFacts const& model : result.models) {
    for (std::size_t i = 0; model.expert && i < result.languages.size(); ++i) {
      double const bits = model.test_bits_per_character.at(i);
      if (bits < best.test_bits_per_character[i]) best.test_bits_per_character[i] = bits;
    }
  }
  return best;
}

void add_summary(accrete::HtmlPage& page, DemoResult const& result);
void add_bits(accrete::HtmlPage& page, DemoResult const& result);
void add_growth(accrete::HtmlPage& page, DemoResult const& result);
void add_substrate(accrete::HtmlPage& page, DemoResult const& result);
void add_samples(accrete::HtmlPage& page, DemoResult const& result);
void add_text(accrete::HtmlPage& page, DemoResult const& result);
void add_machine(accrete::HtmlPage& page, DemoResult const& result);

}  // namespace detail

inline accrete::HtmlPage report_page(DemoResult const& result) {
  accrete::HtmlPage page("Grown apart, merged by their logits");
  detail::add_summary(page, result);
  detail::add_bits(page, result);
  detail::add_growth(page, result);
  detail::add_substrate(page, result);
  detail::add_samples(page, result);
  detail::add_text(page, result);
  detail::add_machine(page, result);
  return page;
}

namespace detail {

inline void add_summary(accrete::HtmlPage& page, DemoResult const& result) {
  std::string experts;
  for (ModelFacts const& model : result.models) {
    if (model.expert) experts += (experts.empty() ? "" : " and ") + model.name;
  }
  page.lead("Two language models, " + experts +
            ", were trained apart, each grown a few layers at a time on a frozen stack. Both stand "
            "on the same frozen "
            "embedding: pictures of characters. That is all they share, and it is enough to merge "
            "them by the mean of "
            "their logits.");
  std::vector<accrete::HtmlTile> tiles;
  if (ModelFacts const* merged = find_model(result, "merged")) {
    tiles.push_back({decimals(mean_bits(*merged), 2), "bits per character, merged"});
    if (ModelFacts const* tuned = find_model(result, "merged+head")) {
      tiles.push_back({decimals(mean_bits(*tuned), 2), "after tuning the heads"});
    }
    tiles.push_back(
        {accrete::rate_text(static_cast<double>(merged->parameters)), "parameters, merged"});
  }
  tiles.push_back({accrete::duration_text(result.seconds), "from text to report"});
  page.tiles(tiles);

  page.heading("What was claimed, and what came out");
  std::vector<accrete::HtmlVerdict> verdicts;
  for (Claim const& claim : result.claims)
    verdicts.push_back({claim.holds, claim.claim, numbers_text(claim)});
  page.verdicts(verdicts);
}

inline void add_bits(accrete::HtmlPage& page, DemoResult const& result) {
  page.heading("How well they predict text they have not seen");
  page.figure(plot::to_svg(bits_picture(result)),
              "A Chinese character says more than a letter does, so it costs more bits: compare "
              "models within a "
              "language. The union model saw all languages at once, with the same number of tokens "
              "in all; the unigram "
              "model only counts tokens.");
  std::vector<ModelFacts> rows = result.models;
  rows.push_back(best_expert(result));
  accrete::HtmlTable table{.columns = {{"model"}, {"parameters", true}, {"trainable", true}}};
  for (std::string const& language : result.languages)
    table.columns.push_back({language_name(language), true});
  table.columns.push_back({"mean", true});
  for (ModelFacts const& model : rows) {
    bool const counted = model.parameters > 0;
    table.rows.push_back({{model.name},
                          {counted ? count_text(model.parameters) : "\xE2\x80\x93"},
                          {counted ? count_text(model.trainable) : "\xE2\x80\x93"}});
  }
  for (std::size_t i = 0; i <= result.languages.size(); ++i) {
    auto const bits = [i](ModelFacts const& model) {
      return i < model.test_bits_per_character.size() ? model.test_bits_per_character[i]
                                                      : mean_bits(model);
    };
    plot::Range range;
    for (ModelFacts const& model : rows) range.include(bits(model));
    for (std::size_t m = 0; m < rows.size(); ++m) {
      table.rows[m].push_back({decimals(bits(rows[m]), 3), bits(rows[m]) == range.low});
    }
  }
  page.table(table);
}

inline void add_growth(accrete::HtmlPage& page, DemoResult const& result) {
  page.heading("How they grew");
  page.figure(plot::to_svg(loss_picture(result)),
              "New blocks begin at random, so the loss jumps; what counts is where it settles. All "
              "blocks beneath them "
              "stay frozen.");
  std::set<Index> depths;
  for (GrowthStage const& stage : result.growth) depths.insert(stage.depth);
  accrete::HtmlTable table{.columns = {{"validation loss at the end of each stage"}}};
  for (Index const depth : depths) table.columns.push_back({blocks(depth), true});
  for (ModelFacts const& model : result.models) {
    std::vector<accrete::HtmlCell> row{{model.name}};
    bool grew = false;
    for (Index const depth : depths) {
      double loss = std::numeric_limits<double>::quiet_NaN();
      for (GrowthStage const& stage : result.growth) {
        if (stage.model == model.name && stage.depth == depth) loss = stage.validation_loss;
      }
      grew = grew || std::isfinite(loss);
      row.push_back({decimals(loss, 4)});
    }
    if (grew) table.rows.push_back(std::move(row));
  }
  if (!table.rows.empty()) page.table(table);
}

inline void add_substrate(accrete::HtmlPage& page, DemoResult const& result) {
  page.heading("What they stand on");
  if (!result.glyphs.empty()) {
    page.figure(plot::to_svg(glyph_picture(result)),
                "A token's row of the table is its picture, reduced to principal components and "
                "scaled to length one. "
                "No gradient ever reaches it.");
  }
  if (!result.table.empty()) {
    page.figure(plot::to_svg(table_picture(result)),
                "Tokens that look alike lie close together. What they mean, the layers above have "
                "to find out.");
  }
}

inline void add_samples(accrete::HtmlPage& page, DemoResult const& result) {
  if (result.samples.empty()) return;
  page.heading("What they write");
  page.paragraph(
      "Small models, minutes of training: the shape of the language, seldom its sense. The prompt "
      "is bold.");
  for (Sample const& sample : result.samples) {
    page.quote({sample.prompt, sample.text, sample.model + ", " + language_name(sample.language),
                sample.language == "zh" ? "zh-Hans" : sample.language});
  }
}

inline void add_text(accrete::HtmlPage& page, DemoResult const& result) {
  if (result.text.empty()) return;
  page.heading("The text");
  std::string sources;
  for (std::string const& source : result.sources)
    sources += (sources.empty() ? "" : ", ") + source;
  page.paragraph("From " + sources +
                 ". Splits go by the names of pages, without their language: a page and its "
                 "translations are never on "
                 "both sides.");
  accrete::HtmlTable kept{.columns = {{"characters kept"},
                                      {"documents", true},
                                      {"paragraphs", true},
                                      {"train", true},
                                      {"validation", true},
                                      {"test", true}}};
  accrete::HtmlTable dropped{.columns = {{"characters left out"}}};
  for (std::size_t r = 0; r < drop_reason_count; ++r) {
    dropped.rows.push_back({{std::string(name_of(static_cast<DropReason>(r)))}});
  }
  for (TextFacts const& text : result.text) {
    CorpusAccount const& account = text.account;
    std::vector<accrete::HtmlCell> row{{language_name(text.language)},
                                       {count_text(account.documents)},
                                       {count_text(account.paragraphs)}};
    for (Index const characters : account.kept) row.push_back({count_text(characters)});
    kept.rows.push_back(std::move(row));
    dropped.columns.push_back({language_name(text.language), true});
    for (std::size_t r = 0; r < drop_reason_count; ++r)
      dropped.rows[r].push_back({count_text(account.dropped[r])});
  }
  page.table(kept);
  page.table(dropped);
}

inline void add_machine(accrete::HtmlPage& page, DemoResult const& result) {
  page.heading("How it was made");
  page.facts({{"machine", result.machine},
              {"engine", result.engine},
              {"time", accrete::duration_text(result.seconds)},
              {"vocabulary", count_text(result.substrate.vocabulary) + " tokens"},
              {"substrate", result.substrate.fingerprint},
              {"accrete", ACCRETE_VERSION_STRING}});
}

}  // namespace detail

}  // namespace demo
