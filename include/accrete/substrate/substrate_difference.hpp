/// What differs between two substrates, said in a sentence. Include substrate.hpp.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/substrate/substrate_identity.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// For refusals: what differs in vocabulary, merges, table and pictures, how the two are related, and
/// where both come from. Where only the tables differ it advises to share one file.
[[nodiscard]] std::string difference(Substrate const& a, Substrate const& b);

/// The same where the content of one is not at hand: it cannot name tokens and rows.
[[nodiscard]] std::string difference(SubstrateIdentity const& a, SubstrateIdentity const& b);

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

/// "" for tables of the same numbers.
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

/// The hash of the pictures, and of those that extended them.
[[nodiscard]] inline std::optional<std::string> hash_of_bits(Json const& provenance) {
  auto const text = [](Json const* object, std::string_view key) -> std::optional<std::string> {
    Json const* const value =
        object != nullptr && object->is_object() ? object->find(key) : nullptr;
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return value->as_string();
  };
  std::optional<std::string> hash = text(provenance.find("bits"), "sha256");
  Json const* const extensions = provenance.find("extensions");
  if (extensions == nullptr || !extensions->is_array()) return hash;
  for (Json const& extension : extensions->as_array()) {
    auto const added = text(&extension, "bits_sha256");
    if (!hash || !added) return std::nullopt;
    *hash += *added;
  }
  return hash;
}

/// Of equal vocabularies: whether the pictures that the tables are made of differ too.
[[nodiscard]] inline std::string picture_difference(Json const& a, Json const& b) {
  auto const bits = hash_of_bits(a);
  auto const other_bits = hash_of_bits(b);
  if (!bits || !other_bits) return "";
  if (bits != other_bits) return "the pictures of the glyphs differ";
  return "the pictures of the glyphs are the same, so let both load one substrate file";
}

/// "" for strangers.
[[nodiscard]] inline std::string kinship(SubstrateIdentity const& a, SubstrateIdentity const& b) {
  auto const has = [](SubstrateIdentity const& child, std::string const& fingerprint) {
    return std::any_of(child.ancestors.begin(), child.ancestors.end(),
                       [&](auto const& ancestor) { return ancestor.fingerprint == fingerprint; });
  };
  if (has(b, a.fingerprint)) return "the second extends the first";
  if (has(a, b.fingerprint)) return "the first extends the second";
  for (auto ancestor = a.ancestors.rbegin(); ancestor != a.ancestors.rend(); ++ancestor) {
    if (has(b, ancestor->fingerprint))
      return message("both extend the substrate ", ancestor->fingerprint, ", neither the other");
  }
  return "";
}

/// The parts that say something, and where both substrates come from.
[[nodiscard]] inline std::string refusal(std::vector<std::string> const& parts, Json const& a,
                                         Json const& b) {
  std::string sentence;
  for (std::string const& part : parts) {
    if (part.empty()) continue;
    if (!sentence.empty()) sentence += "; ";
    sentence += part;
  }
  return message(sentence, " (one is ", a.dump(), ", the other ", b.dump(), ")");
}

}  // namespace detail

inline std::string difference(Substrate const& a, Substrate const& b) {
  if (a == b) return "the substrates are equal";
  std::string const vocabularies = detail::vocabulary_difference(a.vocabulary(), b.vocabulary());
  std::string tables = detail::table_difference(a, b);
  if (vocabularies.empty() && tables.empty()) tables = "the tables differ in the sign of zeros";
  std::string const pictures =
      vocabularies.empty() ? detail::picture_difference(a.provenance(), b.provenance()) : "";
  return detail::refusal(
      {vocabularies, tables, pictures, detail::kinship(a.identity(), b.identity())}, a.provenance(),
      b.provenance());
}

inline std::string difference(SubstrateIdentity const& a, SubstrateIdentity const& b) {
  if (a.fingerprint == b.fingerprint) return "the substrates are equal";
  std::string vocabularies, tables, pictures;
  if (a.vocabulary_size != b.vocabulary_size) {
    vocabularies =
        message("the vocabularies have ", a.vocabulary_size, " and ", b.vocabulary_size, " tokens");
  } else if (a.vocabulary != b.vocabulary) {
    vocabularies = "the vocabularies differ in tokens or merges";
  }
  if (a.width != b.width) {
    tables = message("the tables have width ", a.width, " and ", b.width);
  } else if (vocabularies.empty()) {
    tables = "the tables differ";
  }
  if (vocabularies.empty()) pictures = detail::picture_difference(a.provenance, b.provenance);
  return detail::refusal({vocabularies, tables, pictures, detail::kinship(a, b)}, a.provenance,
                         b.provenance);
}

ACCRETE_END_NAMESPACE
