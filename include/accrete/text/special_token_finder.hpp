/// Finds tokens, such as special ones, that are written out in a text.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

class SpecialTokenFinder {
 public:
  /// Finds the special tokens of a vocabulary.
  explicit SpecialTokenFinder(Vocabulary const& vocabulary)
      : SpecialTokenFinder(vocabulary, special_tokens(vocabulary)) {}

  /// Finds these.
  SpecialTokenFinder(Vocabulary const& vocabulary, std::vector<TokenId> tokens);

  struct Found {
    std::size_t offset;  // text.size() if there is none
    TokenId id;
  };

  /// The leftmost token that starts at or behind `offset`; of several at one place the
  /// longest.
  [[nodiscard]] Found find(std::string_view text, std::size_t offset) const;

 private:
  [[nodiscard]] static std::vector<TokenId> special_tokens(Vocabulary const& vocabulary);
  [[nodiscard]] std::optional<TokenId> longest_at(std::string_view text) const;

  Vocabulary vocabulary_;
  std::vector<TokenId> sorted_;  // the tokens by their spelling, byte by byte
  std::array<bool, 256> starts_{};
};

inline SpecialTokenFinder::SpecialTokenFinder(Vocabulary const& vocabulary,
                                              std::vector<TokenId> tokens)
    : vocabulary_(vocabulary), sorted_(std::move(tokens)) {
  for (TokenId const id : sorted_)
    starts_[static_cast<std::uint8_t>(vocabulary.token(id)[0])] = true;
  std::sort(sorted_.begin(), sorted_.end(),
            [&](TokenId a, TokenId b) { return vocabulary.token(a) < vocabulary.token(b); });
}

inline std::vector<TokenId> SpecialTokenFinder::special_tokens(Vocabulary const& vocabulary) {
  std::vector<TokenId> tokens;
  for (TokenId id = 0; id < vocabulary.size(); ++id)
    if (vocabulary.kind(id) == TokenKind::special) tokens.push_back(id);
  return tokens;
}

inline SpecialTokenFinder::Found SpecialTokenFinder::find(std::string_view text,
                                                          std::size_t offset) const {
  if (sorted_.empty()) return {text.size(), -1};
  for (; offset < text.size(); ++offset) {
    if (!starts_[static_cast<std::uint8_t>(text[offset])]) continue;
    if (auto const id = longest_at(text.substr(offset))) return {offset, *id};
  }
  return {text.size(), -1};
}

/// Narrows the range of spellings that begin as the text does, byte by byte; the shortest of a
/// range comes first.
inline std::optional<TokenId> SpecialTokenFinder::longest_at(std::string_view text) const {
  std::optional<TokenId> longest;
  auto first = sorted_.begin();
  auto last = sorted_.end();
  for (std::size_t depth = 0; first != last; ++depth) {
    if (vocabulary_.token(*first).size() == depth) longest = *first++;
    if (depth == text.size()) break;
    auto const byte_of = [&](TokenId id) {
      return static_cast<std::uint8_t>(vocabulary_.token(id)[depth]);
    };
    auto const wanted = static_cast<std::uint8_t>(text[depth]);
    first = std::partition_point(first, last, [&](TokenId id) { return byte_of(id) < wanted; });
    last = std::partition_point(first, last, [&](TokenId id) { return byte_of(id) == wanted; });
  }
  return longest;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
