/// The substrate for people: glyphs as the models see them, and the table in two dimensions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/glyphs.hpp>

#include "demo_result.hpp"
#include "script.hpp"

namespace demo {

/// Pictures of some tokens of each script, short and long.
[[nodiscard]] inline std::vector<accrete::plot::BitImageRow> glyph_rows(
    accrete::Substrate const& substrate, accrete::BitMatrix const& bits) {
  constexpr std::size_t per_row = 24;
  auto const& vocabulary = substrate.vocabulary();
  Index side = 1;
  while (side * side < bits.columns()) ++side;
  std::vector<accrete::plot::BitImageRow> rows;
  auto const add_row = [&](std::string heading, auto&& wanted) {
    std::vector<TokenId> found;
    for (TokenId id = 0; id < vocabulary.size(); ++id)
      if (wanted(id)) found.push_back(id);
    accrete::plot::BitImageRow row{.heading = std::move(heading)};
    std::size_t const step = std::max<std::size_t>(1, found.size() / per_row);
    for (std::size_t i = 0; i < found.size() && row.images.size() < per_row; i += step) {
      accrete::plot::BitImage image{.width = side, .height = side};
      for (Index bit = 0; bit < bits.columns(); ++bit) image.bits.push_back(bits.at(found[i], bit));
      row.images.push_back(std::move(image));
    }
    if (!row.images.empty()) rows.push_back(std::move(row));
  };
  auto const is_text = [&](TokenId id) { return vocabulary.kind(id) == accrete::TokenKind::text; };
  for (Script const script : {Script::latin, Script::cyrillic, Script::han}) {
    auto const length = [&](TokenId id) {
      return accrete::count_code_points(vocabulary.token(id), "token");
    };
    add_row(std::string(name_of(script)) + ", characters", [&](TokenId id) {
      return is_text(id) && main_script(vocabulary.token(id)) == script && length(id) == 1;
    });
    add_row(std::string(name_of(script)) + ", n-grams", [&](TokenId id) {
      return is_text(id) && main_script(vocabulary.token(id)) == script && length(id) > 1;
    });
  }
  add_row("Bytes and special tokens", [&](TokenId id) { return !is_text(id); });
  return rows;
}

/// The first two components of every text token's row.
[[nodiscard]] inline std::vector<ProjectedToken> project_table(
    accrete::Substrate const& substrate) {
  std::vector<ProjectedToken> tokens;
  for (TokenId id = 0; id < substrate.vocabulary_size(); ++id) {
    if (substrate.vocabulary().kind(id) != accrete::TokenKind::text) continue;
    std::string const text(substrate.vocabulary().token(id));
    auto const row = substrate.row(id);
    tokens.push_back({.text = text, .script = main_script(text), .x = row[0], .y = row[1]});
  }
  return tokens;
}

}  // namespace demo
