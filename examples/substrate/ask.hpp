/// accrete-substrate inspect, nearest and compare: questions to finished substrates.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <accrete/substrate/equal_rows.hpp>
#include <accrete/substrate/glyph_extension.hpp>
#include <accrete/substrate/nearest_tokens.hpp>
#include <accrete/substrate/pca.hpp>

#include "arguments.hpp"
#include "tokens.hpp"

namespace substrate_program {

[[nodiscard]] inline std::string count_of(std::size_t count, std::string_view one,
                                          std::string_view many) {
  return accrete::message(count, " ", count == 1 ? one : many);
}

/// What a substrate is, but for its numbers. At most `limit` groups of equal rows are listed.
[[nodiscard]] inline Json facts_of(accrete::Substrate const& substrate, Index limit) {
  Vocabulary const& vocabulary = substrate.vocabulary();
  std::array<Index, 4> kinds{};
  Index zeros = 0;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    ++kinds[static_cast<std::size_t>(vocabulary.kind(id))];
    auto const row = substrate.row(id);
    zeros += std::all_of(row.begin(), row.end(), [](float value) { return value == 0; }) ? 1 : 0;
  }
  auto const groups = equal_rows(substrate);
  Json listed = Json::array();
  std::size_t tokens_in_groups = 0;
  for (auto const& group : groups) {
    tokens_in_groups += group.size();
    if (std::cmp_greater_equal(listed.size(), limit)) continue;
    Json members = Json::array();
    for (Index const id : group)
      members.push_back(
          Json::object({{"id", id}, {"token", shown(vocabulary, static_cast<TokenId>(id))}}));
    listed.push_back(std::move(members));
  }
  Json facts = Json::object({{"fingerprint", substrate.fingerprint()},
                             {"vocabulary_size", vocabulary.size()},
                             {"tokens", Json::object({{"text", kinds[0]},
                                                      {"byte", kinds[1]},
                                                      {"special", kinds[2]},
                                                      {"reserved", kinds[3]}})},
                             {"merges", vocabulary.merges().size()},
                             {"width", substrate.width()},
                             {"basis", nullptr},
                             {"rows_of_zeros", zeros},
                             {"equal_rows", Json::object({{"groups", groups.size()},
                                                          {"tokens", tokens_in_groups},
                                                          {"classes", std::move(listed)}})},
                             {"ancestors", to_json(substrate.ancestors())},
                             {"provenance", substrate.provenance()}});
  if (substrate.basis())
    facts["basis"] =
        Json::object({{"bits", substrate.basis()->bit_count}, {"width", substrate.basis()->width}});
  return facts;
}

inline int run_inspect(Words const& words) {
  Settings settings;
  std::filesystem::path file;
  Index limit = 20;
  options::options_description visible("Options"), hidden;
  visible.add_options()("limit", options::value(&limit)->default_value(limit),
                        "groups of equal rows to list");
  settings.add_output(visible);
  hidden.add_options()("substrate", path_value(file)->required());
  if (!parse(words, "accrete-substrate inspect SUBSTRATE [options]", visible, hidden,
             options::positional_options_description().add("substrate", 1)))
    return 0;
  auto const substrate = accrete::Substrate::load(file);
  Json const facts = facts_of(substrate, limit);
  if (settings.json) {
    print(facts.dump() + "\n");
    return 0;
  }
  Json const& tokens = facts.at("tokens");
  Json const& equal = facts.at("equal_rows");
  std::string text = accrete::message(
      "fingerprint  ", substrate.fingerprint(), "\ntokens       ", substrate.vocabulary_size(),
      " (", tokens.at("text").as_int(), " text, ", tokens.at("byte").as_int(), " bytes, ",
      tokens.at("special").as_int(), " special, ", tokens.at("reserved").as_int(), " reserved), ",
      facts.at("merges").as_int(), " merges\nwidth        ", substrate.width(),
      substrate.basis()
          ? accrete::message(", projected from ", substrate.basis()->bit_count, " bits")
          : std::string(", no basis"),
      "\n");
  for (auto const& ancestor : substrate.ancestors())
    text += accrete::message("extends      ", ancestor.fingerprint, ", ", ancestor.vocabulary_size,
                             " tokens\n");
  text += accrete::message(
      "zeros        ", facts.at("rows_of_zeros").as_int(), " rows\nequal rows   ",
      count_of(static_cast<std::size_t>(equal.at("groups").as_int()), "group", "groups"), " of ",
      equal.at("tokens").as_int(), " tokens\n");
  for (Json const& group : equal.at("classes").as_array()) {
    text += "            ";
    for (Json const& member : group.as_array())
      text += accrete::message(" ", member.at("id").as_int(), "=", member.at("token").as_string());
    text += "\n";
  }
  if (equal.at("classes").size() < static_cast<std::size_t>(equal.at("groups").as_int()))
    text += "             ... (--limit)\n";
  print(text + "provenance   " + substrate.provenance().dump() + "\n");
  return 0;
}

/// The row of a token: from the table, or drawn and projected if the vocabulary lacks it.
[[nodiscard]] inline std::vector<float> row_of(accrete::Substrate const& substrate,
                                               std::string const& text, Settings const& settings) {
  if (auto const id = substrate.vocabulary().find(text)) {
    auto const row = substrate.row(*id);
    return {row.begin(), row.end()};
  }
  AnyRecipe const recipe = recipe_of(substrate, settings.missing_glyph());
  std::vector<accrete::Token> const token{{text}};
  auto const bits = draw_tokens(Vocabulary(token, {}), Font(settings.font), recipe, {.threads = 1});
  return rows_of_pictures(substrate, bits, 1);
}

inline int run_nearest(Words const& words) {
  Settings settings;
  std::filesystem::path file;
  std::vector<std::string> wanted;
  Index count = 10;
  options::options_description visible("Options"), hidden;
  visible.add_options()("count", options::value(&count)->default_value(count),
                        "neighbours of each token");
  settings.add_font(visible);
  settings.add_output(visible);
  hidden.add_options()("substrate", path_value(file)->required())(
      "token", options::value(&wanted)->required());
  if (!parse(words,
             "accrete-substrate nearest SUBSTRATE TOKEN... [options]\n\n"
             "Lists the tokens whose pictures are nearest. A text that is no token is drawn with "
             "the font.",
             visible, hidden,
             options::positional_options_description().add("substrate", 1).add("token", -1)))
    return 0;
  settings.check();
  auto const substrate = accrete::Substrate::load(file);
  Json answers = Json::array();
  std::string text;
  for (std::string const& token : wanted) {
    bool const known = substrate.vocabulary().find(token).has_value();
    auto const neighbours = nearest_tokens(substrate, row_of(substrate, token, settings), count);
    Json list = Json::array();
    text += accrete::message(Json(token).dump(), " ", code_points_of(token),
                             known ? "" : ", drawn for this question", "\n");
    for (auto const& [id, cosine] : neighbours) {
      bool const is_byte = substrate.vocabulary().kind(id) == accrete::TokenKind::byte;
      std::string const spelling(is_byte ? "" : substrate.vocabulary().token(id));
      std::string const name = shown(substrate.vocabulary(), id);
      list.push_back(Json::object({{"id", id}, {"token", name}, {"cosine", cosine}}));
      std::ostringstream line;
      line << std::fixed << std::setprecision(4) << std::setw(9) << cosine << std::setw(9) << id
           << "  " << name << "  " << code_points_of(spelling) << '\n';
      text += line.str();
    }
    answers.push_back(Json::object(
        {{"token", token}, {"in_vocabulary", known}, {"neighbours", std::move(list)}}));
  }
  print(settings.json ? answers.dump() + "\n" : text);
  return 0;
}

inline int run_compare(Words const& words) {
  Settings settings;
  std::vector<std::string> files;
  options::options_description visible("Options"), hidden;
  settings.add_output(visible);
  hidden.add_options()("substrate", options::value(&files)->required());
  if (!parse(words,
             "accrete-substrate compare SUBSTRATE SUBSTRATE [options]\n\n"
             "Says what differs, and whether models on the two may be merged.",
             visible, hidden, options::positional_options_description().add("substrate", -1)))
    return 0;
  if (files.size() != 2) throw options::error("compare takes two substrates");
  auto const a = accrete::Substrate::load(files[0]), b = accrete::Substrate::load(files[1]);
  std::string const relation = a == b                ? "equal"
                               : a.is_ancestor_of(b) ? "the first is an ancestor"
                               : b.is_ancestor_of(a) ? "the second is an ancestor"
                                                     : "none";
  if (settings.json) {
    print(Json::object({{"docks", a.docks_with(b)},
                        {"relation", relation},
                        {"difference", difference(a, b)},
                        {"fingerprints", Json::array({a.fingerprint(), b.fingerprint()})}})
              .dump() +
          "\n");
    return 0;
  }
  print(accrete::message(files[0], ": ", a.fingerprint(), "\n", files[1], ": ", b.fingerprint(),
                         "\n", difference(a, b), "\nmodels on the two ",
                         a.docks_with(b) ? "dock" : "do not dock", "\n"));
  return 0;
}

}  // namespace substrate_program
