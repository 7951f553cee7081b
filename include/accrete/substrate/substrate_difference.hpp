/// What differs between two substrates, said in a sentence. Include substrate.hpp.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// For refusals: what differs in vocabulary, merges and table, and where both come from. Where the
/// glyph bits are equal and the tables are not, it advises to share one file.
[[nodiscard]] std::string difference(Substrate const& a, Substrate const& b);

namespace detail {

/// "" for equal vocabularies.
[[nodiscard]] inline std::string vocabulary_difference(Vocabulary const& a, Vocabulary const& b) {
  if (a == b) return "";
  if (a.size() != b.size()) {
    return message("the vocabularies have ", a.size(), " and ", b.size(), " tokens");
  }
  for (TokenId id = 0; id < a.size(); ++id) {
    if (a.token(id) == b.token(id) && a.kind(id) == b.kind(id)) continue;
    return message("the vocabularies differ, first in token ", id, " (", excerpt(a.token(id)),
                   " and ", excerpt(b.token(id)), ")");
  }
  return "the vocabularies differ in their merges";
}

/// "" for tables of the same bits.
[[nodiscard]] inline std::string table_difference(Substrate const& a, Substrate const& b) {
  if (a.width() != b.width())
    return message("the tables have width ", a.width(), " and ", b.width());
  Index const rows = std::min(a.vocabulary_size(), b.vocabulary_size());
  Index differing = 0;
  TokenId first = -1;
  for (TokenId id = 0; id < rows; ++id) {
    auto const row = a.row(id);
    if (std::equal(row.begin(), row.end(), b.row(id).begin())) continue;
    if (differing++ == 0) first = id;
  }
  if (differing == 0) return "";
  return message("the tables differ in ", differing, " of ", rows, " rows, first in row ", first);
}

[[nodiscard]] inline std::optional<std::string> hash_of_bits(Substrate const& substrate) {
  Json const* const bits = substrate.provenance().find("bits");
  Json const* const hash = bits != nullptr && bits->is_object() ? bits->find("sha256") : nullptr;
  if (hash == nullptr || !hash->is_string()) return std::nullopt;
  return hash->as_string();
}

}  // namespace detail

inline std::string difference(Substrate const& a, Substrate const& b) {
  if (a == b) return "the substrates are equal";
  std::string const vocabularies = detail::vocabulary_difference(a.vocabulary(), b.vocabulary());
  std::string const tables = detail::table_difference(a, b);
  std::string sentence = vocabularies;
  if (!vocabularies.empty() && !tables.empty()) sentence += "; ";
  sentence += tables;
  auto const bits = detail::hash_of_bits(a);
  if (vocabularies.empty() && bits && bits == detail::hash_of_bits(b)) {
    sentence += "; the pictures of the glyphs are the same, so let both load one substrate file";
  }
  return message(sentence, " (one is ", a.provenance().dump(), ", the other ",
                 b.provenance().dump(), ")");
}

ACCRETE_END_NAMESPACE
