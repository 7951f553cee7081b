/// A vocabulary as JSON: what files hold.
///
///     {"format": "accrete-vocabulary", "version": 1,
///      "tokens": [{"special": "<pad>"}, {"byte": 0}, "a", "b", "ab", {"reserved": "<unused_5>"}],
///      "merges": [2, 3]}
///
/// An id is a place in "tokens". "merges" lists left and right of the merge of rank 0, then of rank
/// 1, and so on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

[[nodiscard]] Json to_json(Vocabulary const& vocabulary);

/// ValueError that names the place of whatever is wrong, such as "vocabulary: tokens[3]: ...".
[[nodiscard]] Vocabulary vocabulary_from_json(Json const& json);

// -------------------------------------------------------------------------------------------------

inline Json to_json(Vocabulary const& vocabulary) {
  Json::Array tokens;
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    std::string_view const spelling = vocabulary.token(id);
    switch (vocabulary.kind(id)) {
      case TokenKind::text:
        tokens.emplace_back(spelling);
        break;
      case TokenKind::byte:
        tokens.push_back(Json::object({{"byte", static_cast<std::uint8_t>(spelling[0])}}));
        break;
      case TokenKind::special:
        tokens.push_back(Json::object({{"special", spelling}}));
        break;
      case TokenKind::reserved:
        tokens.push_back(Json::object({{"reserved", spelling}}));
        break;
    }
  }
  Json::Array merges;
  for (Merge const& merge : vocabulary.merges()) {
    merges.emplace_back(merge.left);
    merges.emplace_back(merge.right);
  }
  Json json = Json::object({{"format", "accrete-vocabulary"}, {"version", 1}});
  json["tokens"] = std::move(tokens);
  json["merges"] = std::move(merges);
  return json;
}

namespace detail {

/// Calls `read` and puts the place in front of what it complains about.
template <class Read>
auto at_place(std::string_view list, std::size_t place, Read read) {
  try {
    return read();
  } catch (ValueError const& error) {
    throw ValueError(message("vocabulary: ", list, "[", place, "]: ", error.what()));
  }
}

inline Token token_from_json(Json const& json) {
  if (json.is_string()) return {json.as_string(), TokenKind::text};
  if (!json.is_object() || json.size() != 1) {
    throw ValueError("expected a string or an object of one of the keys byte, special, reserved");
  }
  auto const& [key, value] = *json.as_object().begin();
  if (key == "special") return {value.as_string(), TokenKind::special};
  if (key == "reserved") return {value.as_string(), TokenKind::reserved};
  if (key != "byte")
    throw ValueError("expected one of the keys byte, special, reserved, got " + key);
  std::int64_t const byte = value.as_int();
  if (byte < 0 || byte > 255)
    throw ValueError(message("expected a byte from 0 to 255, got ", byte));
  return {std::string(1, static_cast<char>(byte)), TokenKind::byte};
}

inline TokenId token_id_from_json(Json const& json) {
  std::int64_t const id = json.as_int();
  if (id < 0 || id > std::numeric_limits<TokenId>::max())
    throw ValueError(message("expected a token id, got ", id));
  return static_cast<TokenId>(id);
}

}  // namespace detail

inline Vocabulary vocabulary_from_json(Json const& json) {
  std::string const& format = json.at("format").as_string();
  if (format != "accrete-vocabulary") {
    throw ValueError(message("vocabulary: expected the format accrete-vocabulary, got ", format));
  }
  std::int64_t const version = json.at("version").as_int();
  if (version != 1)
    throw ValueError(message("vocabulary: expected format version 1, got ", version));
  for (auto const& [key, value] : json.as_object()) {
    if (key != "format" && key != "version" && key != "tokens" && key != "merges") {
      throw ValueError(message("vocabulary: unknown key ", key));
    }
  }

  Json::Array const& listed_tokens = json.at("tokens").as_array();
  std::vector<Token> tokens;
  tokens.reserve(listed_tokens.size());
  for (std::size_t id = 0; id < listed_tokens.size(); ++id) {
    tokens.push_back(
        detail::at_place("tokens", id, [&] { return detail::token_from_json(listed_tokens[id]); }));
  }

  Json::Array const& parts = json.at("merges").as_array();
  if (parts.size() % 2 != 0) {
    throw ValueError(message("vocabulary: expected merges as pairs, got ", parts.size(), " ids"));
  }
  std::vector<TokenPair> merges(parts.size() / 2);
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    merges[rank] = detail::at_place("merges", rank, [&] {
      return TokenPair{detail::token_id_from_json(parts[2 * rank]),
                       detail::token_id_from_json(parts[2 * rank + 1])};
    });
  }
  return Vocabulary(tokens, merges);
}

ACCRETE_END_NAMESPACE
