/// The tokens that a model speaks, and the merges by which text becomes tokens.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
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
#include <accrete/text/little_endian.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class TokenKind : std::uint8_t {
  text,  // one or more code points of text
  byte,  // one raw byte: text that no text token spells falls back to the bytes of its UTF-8 form
  special,   // a mark such as <s>, which stands for no text
  reserved,  // a place kept free, such as <unused_7>: no text is ever encoded to it
};

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

  // Copies alone, at the cost of a counter: without a move no handle is ever empty.
  Vocabulary(Vocabulary const&) = default;
  Vocabulary& operator=(Vocabulary const&) = default;
  ~Vocabulary() = default;

  [[nodiscard]] Index size() const { return static_cast<Index>(content_->kinds.size()); }  // V

  /// UTF-8, or the one raw byte of a byte token. ValueError if `id` is not below V.
  [[nodiscard]] std::string_view token(TokenId id) const { return content_->spelling(checked(id)); }

  /// ValueError if `id` is not below V.
  [[nodiscard]] TokenKind kind(TokenId id) const { return content_->kinds[checked(id)]; }

  /// The token with this spelling, of any kind but byte.
  [[nodiscard]] std::optional<TokenId> find(std::string_view spelling) const {
    return content_->find(spelling);
  }

  [[nodiscard]] bool has_byte_tokens() const { return content_->byte_tokens[0] >= 0; }

  /// The token of a raw byte; -1 in a vocabulary without byte tokens.
  [[nodiscard]] TokenId byte_token(std::uint8_t byte) const { return content_->byte_tokens[byte]; }

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
    std::string spellings;                 // of all tokens, one behind the other
    std::vector<std::size_t> ends;         // (V) where in `spellings` each ends
    std::vector<TokenKind> kinds;          // (V)
    std::vector<TokenId> by_spelling;      // all but the byte tokens, sorted
    std::array<TokenId, 256> byte_tokens;  // all of them -1 if there are none
    std::vector<Merge> merges;

    explicit Content(std::span<Token const> tokens);
    void add_merges(std::span<TokenPair const> pairs);

    [[nodiscard]] std::string_view spelling(std::size_t id) const;
    [[nodiscard]] std::string_view spelling(TokenId id) const {
      return spelling(static_cast<std::size_t>(id));
    }
    [[nodiscard]] std::optional<TokenId> find(std::string_view wanted) const;

    bool operator==(Content const&) const = default;

   private:
    void check(Token const& token, std::size_t id);
    void sort_spellings();
  };

  [[nodiscard]] std::size_t checked(TokenId id) const;

  std::shared_ptr<Content const> content_;
};

// -------------------------------------------------------------------------------------------------

inline Vocabulary::Vocabulary(std::span<Token const> tokens, std::span<TokenPair const> merges) {
  auto content = std::make_shared<Content>(tokens);
  content->add_merges(merges);
  content_ = std::move(content);
}

inline std::size_t Vocabulary::checked(TokenId id) const {
  if (id < 0 || id >= size()) {
    throw ValueError(message("vocabulary: expected a token id below ", size(), ", got ", id));
  }
  return static_cast<std::size_t>(id);
}

inline TokenId Vocabulary::special(std::string_view spelling) const {
  std::optional<TokenId> const id = find(spelling);
  if (!id || kind(*id) != TokenKind::special) {
    throw ValueError(message("vocabulary: there is no special token ", spelling));
  }
  return *id;
}

inline void Vocabulary::hash_into(Sha256& hash) const {
  std::string bytes = "accrete vocabulary 1\n";
  detail::append_little_endian(bytes, std::uint64_t{content_->kinds.size()});
  for (std::size_t id = 0; id < content_->kinds.size(); ++id) {
    std::string_view const spelling = content_->spelling(id);
    detail::append_little_endian(bytes, static_cast<std::uint8_t>(content_->kinds[id]));
    detail::append_little_endian(bytes, static_cast<std::uint32_t>(spelling.size()));
    bytes += spelling;
  }
  detail::append_little_endian(bytes, std::uint64_t{merges().size()});
  for (Merge const& merge : merges()) {
    detail::append_little_endian(bytes, static_cast<std::uint32_t>(merge.left));
    detail::append_little_endian(bytes, static_cast<std::uint32_t>(merge.right));
  }
  hash.update(bytes);
}

inline Vocabulary::Content::Content(std::span<Token const> tokens) {
  if (tokens.empty()) throw ValueError("vocabulary: expected at least one token, got none");
  if (tokens.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    throw ValueError(message("vocabulary: ", tokens.size(), " tokens are more than ids can count"));
  }
  byte_tokens.fill(-1);
  ends.reserve(tokens.size());
  kinds.reserve(tokens.size());
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    check(tokens[id], id);
    spellings += tokens[id].spelling;
    ends.push_back(spellings.size());
    kinds.push_back(tokens[id].kind);
  }
  auto const missing = std::find(byte_tokens.begin(), byte_tokens.end(), -1);
  if (missing != byte_tokens.end() &&
      std::count(byte_tokens.begin(), byte_tokens.end(), -1) != 256) {
    throw ValueError(message("vocabulary: expected all 256 byte tokens or none, byte ",
                             missing - byte_tokens.begin(), " is missing"));
  }
  sort_spellings();
}

inline void Vocabulary::Content::check(Token const& token, std::size_t id) {
  auto const refuse = [&](auto const&... reason) {
    throw ValueError(message("vocabulary: tokens[", id, "]: ", reason...));
  };
  if (token.kind == TokenKind::byte) {
    if (token.spelling.size() != 1) refuse("expected one raw byte, got ", token.spelling.size());
    TokenId& place = byte_tokens[static_cast<std::uint8_t>(token.spelling[0])];
    if (place >= 0) refuse("the same byte as tokens[", place, "]");
    place = static_cast<TokenId>(id);
    return;
  }
  if (token.spelling.empty()) refuse("the spelling is empty");
  if (token.spelling.size() > 65535) refuse("the spelling has more than 65535 bytes");
  for (std::size_t offset = 0; offset < token.spelling.size();) {
    Utf8Step const step = decode_code_point(token.spelling, offset);
    if (step.fault != Utf8Fault::none) refuse("byte ", offset, ": ", describe(step.fault));
    offset += step.length;
  }
}

inline void Vocabulary::Content::sort_spellings() {
  for (std::size_t id = 0; id < kinds.size(); ++id) {
    if (kinds[id] != TokenKind::byte) by_spelling.push_back(static_cast<TokenId>(id));
  }
  std::sort(by_spelling.begin(), by_spelling.end(), [this](TokenId a, TokenId b) {
    return std::pair(spelling(a), a) < std::pair(spelling(b), b);
  });
  auto const twin =
      std::adjacent_find(by_spelling.begin(), by_spelling.end(),
                         [this](TokenId a, TokenId b) { return spelling(a) == spelling(b); });
  if (twin != by_spelling.end()) {
    throw ValueError(
        message("vocabulary: tokens[", twin[1], "]: the same spelling as tokens[", twin[0], "]"));
  }
}

inline void Vocabulary::Content::add_merges(std::span<TokenPair const> pairs) {
  auto const refuse = [](std::size_t rank, auto const&... reason) {
    throw ValueError(message("vocabulary: merges[", rank, "]: ", reason...));
  };
  if (pairs.size() > std::numeric_limits<std::int32_t>::max())
    refuse(pairs.size(), "too many merges");
  merges.reserve(pairs.size());
  for (std::size_t rank = 0; rank < pairs.size(); ++rank) {
    auto const [left, right] = pairs[rank];
    for (TokenId const part : {left, right}) {
      if (part < 0 || static_cast<std::size_t>(part) >= kinds.size()) {
        refuse(rank, "expected ids below ", kinds.size(), ", got ", part);
      }
      if (kinds[static_cast<std::size_t>(part)] != TokenKind::text)
        refuse(rank, "token ", part, " is not text");
    }
    std::optional<TokenId> const result = find(std::string(spelling(left)).append(spelling(right)));
    if (!result || kinds[static_cast<std::size_t>(*result)] != TokenKind::text) {
      refuse(rank, "tokens ", left, " and ", right, " together spell no text token");
    }
    merges.push_back({left, right, *result});
  }
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(pairs[a], a) < std::pair(pairs[b], b);
  });
  auto const twin =
      std::adjacent_find(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return pairs[a] == pairs[b]; });
  if (twin != order.end()) refuse(twin[1], "the same pair as merges[", twin[0], "]");
}

inline std::string_view Vocabulary::Content::spelling(std::size_t id) const {
  std::size_t const start = id == 0 ? 0 : ends[id - 1];
  return std::string_view(spellings).substr(start, ends[id] - start);
}

inline std::optional<TokenId> Vocabulary::Content::find(std::string_view wanted) const {
  auto const place =
      std::lower_bound(by_spelling.begin(), by_spelling.end(), wanted,
                       [this](TokenId id, std::string_view text) { return spelling(id) < text; });
  if (place == by_spelling.end() || spelling(*place) != wanted) return std::nullopt;
  return *place;
}

ACCRETE_END_NAMESPACE
