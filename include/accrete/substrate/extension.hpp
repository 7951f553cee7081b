/// Cold start: a larger substrate, whose first tokens, ids and rows are those of a finished one.
///
/// A model that was trained on the finished one takes the larger one with `grow_vocabulary` and
/// computes the same logits for the older tokens; experts on both dock.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/version.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// All tokens and merges of `vocabulary`, and `tokens` behind them. New merges come after all older
/// ones: for each new text token in turn every split into two text tokens of the larger vocabulary,
/// the shorter left part first. So text in which no new token stands is encoded as before.
///
/// Throws ValueError without a token, and for tokens that no vocabulary takes.
[[nodiscard]] Vocabulary extend_vocabulary(Vocabulary const& vocabulary,
                                           std::span<Token const> tokens);

/// `rows` (n, width) become the rows of the n new tokens. `substrate` and its ancestors are the
/// ancestors of the result. `record`, an object, joins the list "extensions" of the provenance.
///
/// Throws ShapeError where the rows do not fit, ValueError as above and for numbers that are not
/// finite.
[[nodiscard]] Substrate extend_substrate(Substrate const& substrate, std::span<Token const> tokens,
                                         std::span<float const> rows, Json record = Json::object());

inline Vocabulary extend_vocabulary(Vocabulary const& vocabulary, std::span<Token const> tokens) {
  if (tokens.empty()) throw ValueError("extend_vocabulary: expected at least one token, got none");
  std::vector<Token> all;
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    all.push_back({std::string(vocabulary.token(id)), vocabulary.kind(id)});
  all.insert(all.end(), tokens.begin(), tokens.end());

  std::unordered_map<std::string_view, TokenId> added;
  for (auto id = static_cast<std::size_t>(vocabulary.size()); id < all.size(); ++id) {
    if (all[id].kind == TokenKind::text) added.emplace(all[id].spelling, static_cast<TokenId>(id));
  }
  auto const find = [&](std::string_view spelling) -> std::optional<TokenId> {
    if (auto const place = added.find(spelling); place != added.end()) return place->second;
    auto const id = vocabulary.find(spelling);
    return id && vocabulary.kind(*id) == TokenKind::text ? id : std::nullopt;
  };
  std::vector<TokenPair> merges;
  for (Merge const& merge : vocabulary.merges()) merges.push_back({merge.left, merge.right});
  for (Token const& token : tokens) {
    if (token.kind != TokenKind::text) continue;
    std::string_view const spelling = token.spelling;
    for (std::size_t cut = 0; cut < spelling.size();) {
      cut += decode_code_point(spelling, cut).length;
      auto const left = find(spelling.substr(0, cut));
      auto const right = find(spelling.substr(cut));
      if (left && right) merges.push_back({*left, *right});
    }
  }
  return Vocabulary(all, merges);
}

inline Substrate extend_substrate(Substrate const& substrate, std::span<Token const> tokens,
                                  std::span<float const> rows, Json record) {
  if (rows.size() != tokens.size() * static_cast<std::size_t>(substrate.width())) {
    throw ShapeError(message("extend_substrate: expected ", tokens.size(), " rows of width ",
                             substrate.width(), ", got ", rows.size(), " numbers"));
  }
  SubstrateParts parts{.vocabulary = extend_vocabulary(substrate.vocabulary(), tokens),
                       .width = substrate.width(),
                       .table = {substrate.table().begin(), substrate.table().end()},
                       .provenance = substrate.provenance(),
                       .basis = substrate.basis(),
                       .ancestors = substrate.ancestors()};
  parts.table.insert(parts.table.end(), rows.begin(), rows.end());
  parts.ancestors.push_back({substrate.fingerprint(), substrate.vocabulary_size()});
  Json entry = Json::object({{"of", substrate.fingerprint()},
                             {"tokens", tokens.size()},
                             {"library", ACCRETE_VERSION_STRING}});
  for (auto const& [key, value] : record.as_object()) entry[key] = value;
  Json& extensions = parts.provenance["extensions"];
  if (!extensions.is_array()) extensions = Json::array();
  extensions.push_back(std::move(entry));
  return Substrate(std::move(parts));
}

ACCRETE_END_NAMESPACE
