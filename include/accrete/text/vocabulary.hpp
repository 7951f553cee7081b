/// The tokens that a model speaks, and the merges by which text becomes tokens.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/text/token_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A token as it is given to a vocabulary. `spelling` is UTF-8 of 1 to 65,535 bytes, or the one raw
/// byte.
struct Token {
  std::string spelling;
  TokenKind kind = TokenKind::text;

  bool operator==(Token const&) const = default;
};

/// Two adjacent tokens that may become one: the text token that is spelled as both.
struct TokenPair {
  TokenId left = -1;
  TokenId right = -1;

  auto operator<=>(TokenPair const&) const = default;
};

/// A pair with the token that it becomes. Its rank is its place in Vocabulary::merges(); low ranks
/// go first.
struct Merge {
  TokenId left = -1;
  TokenId right = -1;
  TokenId result = -1;

  bool operator==(Merge const&) const = default;
};

/// A cheap shared handle to one immutable vocabulary: V tokens by id, merges by rank.
///
/// Whoever holds one may rely on this: no two tokens share a spelling, bytes aside; there are 256
/// byte tokens or none; all spellings but theirs are valid UTF-8; a merge joins two text tokens to
/// a text token, each pair once.
class Vocabulary {
 public:
  /// Tokens by id, merges by rank. ValueError that names the place, such as "vocabulary:
  /// merges[17]: ...".
  Vocabulary(std::span<Token const> tokens, std::span<TokenPair const> merges);

  /// The same of a table, and of merges whose results are known.
  Vocabulary(TokenTable tokens, std::vector<Merge> merges);

  // Copies alone, at the cost of a counter: without a move no handle is ever empty.
  Vocabulary(Vocabulary const&) = default;
  Vocabulary& operator=(Vocabulary const&) = default;
  ~Vocabulary() = default;

  [[nodiscard]] Index size() const { return static_cast<Index>(content_->tokens.size()); }  // V

  /// UTF-8, or the one raw byte of a byte token. ValueError if `id` is not below V.
  [[nodiscard]] std::string_view token(TokenId id) const {
    return content_->tokens.spelling(checked(id));
  }

  /// ValueError if `id` is not below V.
  [[nodiscard]] TokenKind kind(TokenId id) const { return content_->tokens.kind(checked(id)); }

  /// The token with this spelling, of any kind but byte.
  [[nodiscard]] std::optional<TokenId> find(std::string_view spelling) const {
    return content_->tokens.find(spelling);
  }

  [[nodiscard]] bool has_byte_tokens() const { return byte_token(0) >= 0; }

  /// The token of a raw byte; -1 in a vocabulary without byte tokens.
  [[nodiscard]] TokenId byte_token(std::uint8_t byte) const {
    return content_->tokens.byte_token(byte);
  }

  /// The special token with this spelling, of which four have a name. ValueError if there is none.
  [[nodiscard]] TokenId special(std::string_view spelling) const;
  [[nodiscard]] TokenId pad() const { return special("<pad>"); }
  [[nodiscard]] TokenId begin() const { return special("<s>"); }
  [[nodiscard]] TokenId end() const { return special("</s>"); }
  [[nodiscard]] TokenId unknown() const { return special("<unk>"); }

  [[nodiscard]] std::span<Merge const> merges() const { return content_->merges; }

  /// Feeds a canonical form: two vocabularies feed the same bytes exactly if they are equal. The
  /// line "accrete vocabulary 1\n"; then numbers, little-endian: u64 V; per token u8 kind, u32
  /// length, the spelling; u64 number of merges; per merge u32 left, u32 right.
  void hash_into(Sha256& hash) const;

  [[nodiscard]] friend bool operator==(Vocabulary const& a, Vocabulary const& b) {
    return a.content_ == b.content_ || *a.content_ == *b.content_;
  }

 private:
  struct Content {
    TokenTable tokens;
    std::vector<Merge> merges;

    void check_tokens();
    void check_merges() const;

    bool operator==(Content const&) const = default;
  };

  [[nodiscard]] TokenId checked(TokenId id) const;

  std::shared_ptr<Content const> content_;
};

// -------------------------------------------------------------------------------------------------

namespace detail {

/// The lower and the higher rank of two merges of one pair, if there are such.
[[nodiscard]] inline std::optional<std::pair<std::size_t, std::size_t>> repeated_merge(
    std::span<Merge const> merges) {
  std::vector<std::uint32_t> order(merges.size());
  std::iota(order.begin(), order.end(), 0U);
  auto const pair_of = [&](std::uint32_t rank) {
    return TokenPair{merges[rank].left, merges[rank].right};
  };
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(pair_of(a), a) < std::pair(pair_of(b), b);
  });
  auto const twin = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::uint32_t a, std::uint32_t b) { return pair_of(a) == pair_of(b); });
  if (twin == order.end()) return std::nullopt;
  return std::pair<std::size_t, std::size_t>(twin[0], twin[1]);
}

/// The token that is spelled as these two, or -1.
[[nodiscard]] inline TokenId joined(TokenTable const& tokens, TokenPair pair) {
  for (TokenId const id : {pair.left, pair.right})
    if (id < 0 || static_cast<std::size_t>(id) >= tokens.size()) return -1;
  return tokens.find(std::string(tokens.spelling(pair.left)).append(tokens.spelling(pair.right)))
      .value_or(-1);
}

}  // namespace detail

inline Vocabulary::Vocabulary(std::span<Token const> tokens, std::span<TokenPair const> merges) {
  auto content = std::make_shared<Content>();
  std::size_t spelling_bytes = 0;
  for (Token const& token : tokens) spelling_bytes += token.spelling.size();
  content->tokens.reserve(tokens.size(), spelling_bytes);
  for (Token const& token : tokens) content->tokens.push_back(token.spelling, token.kind);
  content->check_tokens();
  content->merges.reserve(merges.size());
  for (TokenPair const pair : merges)
    content->merges.push_back({pair.left, pair.right, detail::joined(content->tokens, pair)});
  content->check_merges();
  content_ = std::move(content);
}

inline Vocabulary::Vocabulary(TokenTable tokens, std::vector<Merge> merges) {
  auto content = std::make_shared<Content>(Content{std::move(tokens), std::move(merges)});
  content->check_tokens();
  content->check_merges();
  content_ = std::move(content);
}

inline TokenId Vocabulary::checked(TokenId id) const {
  if (id < 0 || id >= size()) {
    throw ValueError(message("vocabulary: expected a token id below ", size(), ", got ", id));
  }
  return id;
}

inline TokenId Vocabulary::special(std::string_view spelling) const {
  std::optional<TokenId> const id = find(spelling);
  if (!id || kind(*id) != TokenKind::special) {
    throw ValueError(message("vocabulary: there is no special token ", spelling));
  }
  return *id;
}

inline void Vocabulary::hash_into(Sha256& hash) const {
  static_assert(std::endian::native == std::endian::little, "numbers are fed as they stand");
  auto const feed = [&](std::unsigned_integral auto number) {
    hash.update(std::as_bytes(std::span(&number, 1)));
  };
  hash.update("accrete vocabulary 1\n");
  feed(static_cast<std::uint64_t>(size()));
  for (TokenId id = 0; id < size(); ++id) {
    std::string_view const spelling = token(id);
    feed(static_cast<std::uint8_t>(kind(id)));
    feed(static_cast<std::uint32_t>(spelling.size()));
    hash.update(spelling);
  }
  feed(std::uint64_t{merges().size()});
  for (Merge const& merge : merges()) {
    feed(static_cast<std::uint32_t>(merge.left));
    feed(static_cast<std::uint32_t>(merge.right));
  }
}

inline void Vocabulary::Content::check_tokens() {
  if (tokens.size() == 0) throw ValueError("vocabulary: expected at least one token, got none");
  if (tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    throw ValueError(message("vocabulary: ", tokens.size(), " tokens are more than ids can count"));
  }
  int missing = -1, missing_count = 0;
  for (int byte = 255; byte >= 0; --byte) {
    if (tokens.byte_token(static_cast<std::uint8_t>(byte)) >= 0) continue;
    missing = byte;
    ++missing_count;
  }
  if (missing_count != 0 && missing_count != 256) {
    throw ValueError(
        message("vocabulary: expected all 256 byte tokens or none, byte ", missing, " is missing"));
  }
  if (auto const twins = tokens.sort()) {
    throw ValueError(message("vocabulary: tokens[", twins->second,
                             "]: the same spelling as tokens[", twins->first, "]"));
  }
}

inline void Vocabulary::Content::check_merges() const {
  auto const refuse = [](std::size_t rank, auto const&... reason) {
    throw ValueError(message("vocabulary: merges[", rank, "]: ", reason...));
  };
  if (merges.size() > std::numeric_limits<std::int32_t>::max())
    refuse(merges.size(), "too many merges");
  auto const is_text = [&](TokenId id) { return tokens.kind(id) == TokenKind::text; };
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    auto const [left, right, result] = merges[rank];
    for (TokenId const part : {left, right}) {
      if (part < 0 || static_cast<std::size_t>(part) >= tokens.size())
        refuse(rank, "expected ids below ", tokens.size(), ", got ", part);
      if (!is_text(part)) refuse(rank, "token ", part, " is not text");
    }
    bool const is_token = result >= 0 && static_cast<std::size_t>(result) < tokens.size();
    std::string_view const first = tokens.spelling(left), second = tokens.spelling(right);
    std::string_view const both = is_token ? tokens.spelling(result) : std::string_view();
    if (both.size() != first.size() + second.size() || !both.starts_with(first) ||
        !both.ends_with(second) || !is_text(result)) {
      refuse(rank, "tokens ", left, " and ", right, " together spell no text token");
    }
  }
  if (auto const ranks = detail::repeated_merge(merges))
    refuse(ranks->second, "the same pair as merges[", ranks->first, "]");
}

ACCRETE_END_NAMESPACE
