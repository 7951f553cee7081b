/// accrete-substrate atlas: what a substrate looks like.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <accrete/io/atomic_file.hpp>
#include <accrete/report/html.hpp>
#include <accrete/report/plot.hpp>
#include <accrete/report/script.hpp>

#include "arguments.hpp"
#include "ask.hpp"
#include "tokens.hpp"

namespace substrate_program {

namespace plot = accrete::plot;
using accrete::Script;

[[nodiscard]] inline plot::BitImage image_of(Bitmap const& picture, std::string label) {
  plot::BitImage image{
      .width = picture.width(), .height = picture.height(), .label = std::move(label)};
  for (std::uint8_t const ink : picture.pixels()) image.bits.push_back(ink >= 128);
  return image;
}

/// The glyphs as the font has them, each in the middle of a cell of its own, before any recipe.
[[nodiscard]] inline Bitmap plain_cells(Font& font, std::u32string const& text, Index size) {
  Bitmap row(static_cast<Index>(text.size()) * size, size);
  Index left = 0;
  for (char32_t const code_point : text) {
    auto const found = font.find(code_point, size);
    Glyph const glyph = found ? *found : font.missing(size);
    accrete::PixelBox const box = accrete::box_on_baseline(glyph);
    row.draw(glyph.ink, left + (size - box.width()) / 2 - box.left + glyph.left,
             (size - box.height()) / 2 - box.top - glyph.top);
    left += size;
  }
  return row;
}

/// A token in a picture's label: a visible space, and no control characters.
[[nodiscard]] inline std::string label_of(Vocabulary const& vocabulary, TokenId id) {
  if (vocabulary.kind(id) != accrete::TokenKind::text) return shown(vocabulary, id);
  std::string label;
  for (char const c : vocabulary.token(id))
    label +=
        c == ' ' ? "\xE2\x90\xA3" : std::string(1, static_cast<unsigned char>(c) < 0x20 ? '?' : c);
  return label;
}

/// Text tokens by script and by whether they are longer than a character, `per_group` evenly out of each.
struct TokenGroup {
  std::string heading;
  std::vector<TokenId> ids;
};
[[nodiscard]] inline std::vector<TokenGroup> sample_of(Vocabulary const& vocabulary,
                                                       std::size_t per_group) {
  std::array<std::array<std::vector<TokenId>, 2>, accrete::script_count> groups;
  std::vector<TokenId> marks;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) == accrete::TokenKind::text) {
      std::string_view const text = vocabulary.token(id);
      bool const longer = accrete::count_code_points(text, "token") > 1;
      groups[static_cast<std::size_t>(accrete::main_script(text))][longer ? 1 : 0].push_back(id);
    } else if (vocabulary.kind(id) != accrete::TokenKind::reserved) {
      marks.push_back(id);
    }
  }
  std::vector<TokenGroup> sample;
  auto const add = [&](std::string heading, std::vector<TokenId> const& ids) {
    if (ids.empty()) return;
    TokenGroup group{std::move(heading), {}};
    std::size_t const count = std::min(per_group, ids.size());
    for (std::size_t i = 0; i < count; ++i) group.ids.push_back(ids[i * ids.size() / count]);
    sample.push_back(std::move(group));
  };
  for (std::size_t script = 0; script < accrete::script_count; ++script) {
    std::string const name(accrete::name_of(static_cast<Script>(script)));
    add(name + ", characters", groups[script][0]);
    add(name + ", longer tokens", groups[script][1]);
  }
  add("Bytes and special tokens", marks);
  return sample;
}

/// Each group twice: as the font draws it, and as the recipe leaves it.
[[nodiscard]] inline plot::BitGrid cells_picture(Vocabulary const& vocabulary,
                                                 std::vector<TokenGroup> const& groups, Font& font,
                                                 AnyRecipe const& recipe) {
  plot::BitGrid grid{
      .caption = {.title = "Glyphs before and after the recipe",
                  .subtitle = "Above the font's own, a cell for each character; below what the "
                              "table is made of. Recipe " +
                              recipe.describe().dump() + ".",
                  .width = 960}};
  constexpr std::size_t columns = 15;  // that fit into the width, so that pairs stay together
  for (TokenGroup const& group : groups) {
    for (std::size_t begin = 0; begin < group.ids.size(); begin += columns) {
      plot::BitImageRow before, after;
      for (std::size_t i = begin; i < std::min(begin + columns, group.ids.size()); ++i) {
        auto const token = accrete::drawn_token(vocabulary, group.ids[i]);
        if (token.kind == accrete::TokenKind::text)
          before.images.push_back(image_of(plain_cells(font, token.text, recipe.size()), ""));
        after.images.push_back(
            image_of(recipe.picture(font, token), label_of(vocabulary, group.ids[i])));
      }
      bool const has_glyphs = !before.images.empty();
      if (begin == 0) (has_glyphs ? before : after).heading = group.heading;
      if (has_glyphs) grid.rows.push_back(std::move(before));
      grid.rows.push_back(std::move(after));
    }
  }
  return grid;
}

/// The first two numbers of each row, which are its first two principal components; the seven largest
/// scripts have colours. At most about `limit` points.
[[nodiscard]] inline plot::ScatterPlot table_picture(accrete::Substrate const& substrate,
                                                     Index limit) {
  Vocabulary const& vocabulary = substrate.vocabulary();
  std::array<Index, accrete::script_count> counts{}, seen{};
  std::vector<std::pair<TokenId, std::size_t>> tokens;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    if (vocabulary.kind(id) != accrete::TokenKind::text) continue;
    auto const script = static_cast<std::size_t>(accrete::main_script(vocabulary.token(id)));
    ++counts[script];
    tokens.emplace_back(id, script);
  }
  constexpr std::size_t other = accrete::script_count - 1, colored = 7;
  std::vector<std::size_t> order;
  for (std::size_t script = 0; script < other; ++script)
    if (counts[script] > 0) order.push_back(script);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  order.resize(std::min(order.size(), colored));

  plot::ScatterPlot picture{.caption = {.title = "The table in two principal components",
                                        .subtitle = "Each point is a token of the vocabulary.",
                                        .width = 860,
                                        .height = 620},
                            .x_axis = {.label = "first principal component"},
                            .y_axis = {.label = "second principal component"}};
  std::array<Index, accrete::script_count> class_of{};
  class_of.fill(static_cast<Index>(order.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    class_of[order[i]] = static_cast<Index>(i);
    picture.classes.push_back({std::string(accrete::name_of(static_cast<Script>(order[i])))});
  }
  picture.classes.push_back({"other", plot::Role::grey});
  auto const step = std::max<std::size_t>(1, tokens.size() / static_cast<std::size_t>(limit));
  constexpr Index labels = 14;  // of each script
  for (std::size_t i = 0; i < tokens.size(); i += step) {
    auto const [id, script] = tokens[i];
    auto const row = substrate.row(id);
    Index const shown_points = counts[script] / static_cast<Index>(step) + 1;
    bool const labelled = seen[script]++ % (shown_points / labels + 1) == 0;
    picture.points.push_back({row[0], row.size() > 1 ? row[1] : 0.0F, class_of[script],
                              labelled ? label_of(vocabulary, id) : std::string()});
  }
  return picture;
}

/// Variance by component, on a logarithmic axis; components without variance leave a gap.
[[nodiscard]] inline plot::LinePlot spectrum_picture(accrete::PcaBasis const& basis) {
  plot::LineSeries series{.name = "variance"};
  double sum = 0;
  for (double const variance : basis.variances) sum += variance;
  for (std::size_t c = 0; c < basis.variances.size(); ++c) {
    series.x.push_back(static_cast<double>(c + 1));
    double const share = basis.variances[c] / sum;
    series.y.push_back(share > 1e-12 ? share : std::numeric_limits<double>::quiet_NaN());
  }
  return {.caption = {.title = "Eigenvalues of the pictures",
                      .subtitle = "The share of each principal component in the variance of those "
                                  "that are kept."},
          .x_axis = {.label = "component", .logarithmic = true},
          .y_axis = {.label = "share of variance", .logarithmic = true},
          .series = {std::move(series)}};
}

[[nodiscard]] inline std::string page_of(accrete::Substrate const& substrate,
                                         std::string const& cells, Index points) {
  Json const facts = facts_of(substrate, 40);
  accrete::HtmlPage page("A substrate");
  page.lead(accrete::message(substrate.vocabulary_size(), " tokens, ", substrate.width(),
                             " numbers each: ", substrate.fingerprint()));
  page.heading("Glyphs");
  page.figure(cells, "What the models are told of a token is the lower picture and nothing else.");
  page.heading("Table");
  page.figure(plot::to_svg(table_picture(substrate, points)), "");
  if (substrate.basis()) page.figure(plot::to_svg(spectrum_picture(*substrate.basis())), "");
  page.heading("Tokens that look the same");
  Json const& equal = facts.at("equal_rows");
  page.paragraph(accrete::message(equal.at("groups").as_int(), " groups of ",
                                  equal.at("tokens").as_int(), " tokens share a row; ",
                                  facts.at("rows_of_zeros").as_int(), " rows are zeros."));
  std::string listed;
  for (Json const& group : equal.at("classes").as_array()) {
    for (Json const& member : group.as_array())
      listed +=
          accrete::message(member.at("id").as_int(), " ", member.at("token").as_string(), "   ");
    listed += '\n';
  }
  if (!listed.empty()) page.preformatted(listed);
  page.heading("Provenance");
  page.preformatted(substrate.provenance().dump(2));
  return page.text();
}

inline int run_atlas(Words const& words) {
  Settings settings;
  std::string file_name, out_name, list, show = "cells";
  std::size_t per_group = 15;
  Index points = 6000;
  options::options_description visible("Options"), hidden;
  auto add = visible.add_options();
  add("out", options::value(&out_name)->required(),
      "the file to write: .html with everything, or .svg with what --show names");
  add("show", options::value(&show)->default_value(show), "cells, table, spectrum");
  add("tokens", options::value(&list),
      "file of the tokens to show: code points in hexadecimal, a token a line");
  add("per-group", options::value(&per_group)->default_value(per_group),
      "tokens of each script and length");
  add("points", options::value(&points)->default_value(points), "of the table's picture");
  settings.add_font(visible);
  settings.add_output(visible);
  hidden.add_options()("substrate", options::value(&file_name)->required());
  if (!parse(words, "accrete-substrate atlas SUBSTRATE --out FILE [options]", visible, hidden,
             options::positional_options_description().add("substrate", 1)))
    return 0;
  settings.check();
  std::filesystem::path const out = out_name;
  bool const is_page = out.extension() == ".html";
  if (!is_page && out.extension() != ".svg")
    throw options::error("--out: expected a name that ends in .html or .svg, got " + out_name);
  if (show != "cells" && show != "table" && show != "spectrum")
    throw options::error("--show: expected cells, table or spectrum, got " + show);
  if (points < 1) throw options::error("--points: expected at least 1");

  auto const substrate = accrete::Substrate::load(file_name);
  std::string text;
  if (is_page || show == "cells") {
    Vocabulary vocabulary = substrate.vocabulary();
    std::vector<TokenGroup> groups;
    if (list.empty()) {
      groups = sample_of(vocabulary, per_group);
    } else {
      std::vector<accrete::Token> tokens;
      groups.push_back({"", {}});
      for (ListedToken const& token : read_token_list(list)) {
        groups[0].ids.push_back(static_cast<TokenId>(tokens.size()));
        tokens.push_back({accrete::to_utf8(token.text)});
      }
      vocabulary = Vocabulary(tokens, {});
    }
    Font font(settings.font);
    text = plot::to_svg(
        cells_picture(vocabulary, groups, font, recipe_of(substrate, settings.missing_glyph())));
  }
  if (is_page) {
    text = page_of(substrate, text, points);
  } else if (show == "table") {
    text = plot::to_svg(table_picture(substrate, points));
  } else if (show == "spectrum") {
    if (!substrate.basis())
      throw accrete::FileError(file_name, "the substrate keeps no basis, so no eigenvalues");
    text = plot::to_svg(spectrum_picture(*substrate.basis()));
  }
  accrete::write_file_atomically(out, text);
  print(settings.json ? Json::object({{"file", out_name}, {"bytes", text.size()}}).dump() + "\n"
                      : accrete::message(out_name, ": ", text.size(), " bytes\n"));
  return 0;
}

}  // namespace substrate_program
