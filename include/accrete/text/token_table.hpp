/// The spellings and kinds of many tokens, in few bytes each.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class TokenKind : std::uint8_t {
  text,  // one or more code points of text
  byte,  // one raw byte: text that no text token spells falls back to the bytes of its UTF-8 form
  special,   // a mark such as <s>, which stands for no text
  reserved,  // a place kept free, such as <unused_7>: no text is ever encoded to it
};

/// Tokens by id, which a Vocabulary is made of. Ids that are given must be below size().
class TokenTable {
 public:
  static constexpr std::size_t bytes_per_token = 13;  // beside its spelling

  TokenTable() { byte_tokens_.fill(-1); }

  void reserve(std::size_t tokens, std::size_t spelling_bytes);

  /// Adds the token of the next id. ValueError "vocabulary: tokens[3]: ..." unless `spelling` is UTF-8 of 1 to
  /// 65,535 bytes, or the one raw byte of a byte token that is not there yet.
  void push_back(std::string_view spelling, TokenKind kind);

  /// Lets `find` know all tokens. If two of them have one spelling, gives the lower and the higher id.
  std::optional<std::pair<TokenId, TokenId>> sort();

  [[nodiscard]] std::size_t size() const { return kinds_.size(); }
  [[nodiscard]] std::string_view spelling(TokenId id) const;
  [[nodiscard]] TokenKind kind(TokenId id) const { return kinds_[static_cast<std::size_t>(id)]; }

  /// For kinds other than byte.
  void set_kind(TokenId id, TokenKind kind) { kinds_[static_cast<std::size_t>(id)] = kind; }

  /// The token with this spelling, of any kind but byte, of those before the last `sort`.
  [[nodiscard]] std::optional<TokenId> find(std::string_view spelling) const;

  /// The token of a raw byte, or -1.
  [[nodiscard]] TokenId byte_token(std::uint8_t byte) const { return byte_tokens_[byte]; }

  bool operator==(TokenTable const&) const = default;

 private:
  void check(std::string_view spelling, TokenKind kind) const;

  std::string spellings_;                 // of all tokens, one behind the other
  std::vector<std::size_t> ends_;         // (V) where in spellings_ each ends
  std::vector<TokenKind> kinds_;          // (V)
  std::vector<TokenId> by_spelling_;      // all but the byte tokens, sorted
  std::size_t sorted_ = 0;                // those of ids below this
  std::array<TokenId, 256> byte_tokens_;  // -1 where there is none
};

// -------------------------------------------------------------------------------------------------

inline void TokenTable::reserve(std::size_t tokens, std::size_t spelling_bytes) {
  spellings_.reserve(spelling_bytes);
  ends_.reserve(tokens);
  kinds_.reserve(tokens);
  by_spelling_.reserve(tokens);
}

inline void TokenTable::push_back(std::string_view spelling, TokenKind kind) {
  check(spelling, kind);
  if (kind == TokenKind::byte)
    byte_tokens_[static_cast<std::uint8_t>(spelling[0])] = static_cast<TokenId>(size());
  spellings_ += spelling;
  ends_.push_back(spellings_.size());
  kinds_.push_back(kind);
}

inline void TokenTable::check(std::string_view spelling, TokenKind kind) const {
  auto const refuse = [&](auto const&... reason) {
    throw ValueError(message("vocabulary: tokens[", size(), "]: ", reason...));
  };
  if (kind == TokenKind::byte) {
    if (spelling.size() != 1) refuse("expected one raw byte, got ", spelling.size());
    TokenId const same = byte_token(static_cast<std::uint8_t>(spelling[0]));
    if (same >= 0) refuse("the same byte as tokens[", same, "]");
    return;
  }
  if (spelling.empty()) refuse("the spelling is empty");
  if (spelling.size() > 65535) refuse("the spelling has more than 65535 bytes");
  for (std::size_t offset = 0; offset < spelling.size();) {
    Utf8Step const step = decode_code_point(spelling, offset);
    if (step.fault != Utf8Fault::none) refuse("byte ", offset, ": ", describe(step.fault));
    offset += step.length;
  }
}

inline std::optional<std::pair<TokenId, TokenId>> TokenTable::sort() {
  for (; sorted_ < size(); ++sorted_) {
    auto const id = static_cast<TokenId>(sorted_);
    if (kind(id) != TokenKind::byte) by_spelling_.push_back(id);
  }
  std::sort(by_spelling_.begin(), by_spelling_.end(), [this](TokenId a, TokenId b) {
    return std::pair(spelling(a), a) < std::pair(spelling(b), b);
  });
  auto const twin =
      std::adjacent_find(by_spelling_.begin(), by_spelling_.end(),
                         [this](TokenId a, TokenId b) { return spelling(a) == spelling(b); });
  if (twin == by_spelling_.end()) return std::nullopt;
  return std::pair(twin[0], twin[1]);
}

inline std::string_view TokenTable::spelling(TokenId id) const {
  auto const place = static_cast<std::size_t>(id);
  std::size_t const start = place == 0 ? 0 : ends_[place - 1];
  return std::string_view(spellings_).substr(start, ends_[place] - start);
}

inline std::optional<TokenId> TokenTable::find(std::string_view wanted) const {
  auto const place =
      std::lower_bound(by_spelling_.begin(), by_spelling_.end(), wanted,
                       [this](TokenId id, std::string_view text) { return spelling(id) < text; });
  if (place == by_spelling_.end() || spelling(*place) != wanted) return std::nullopt;
  return *place;
}

ACCRETE_END_NAMESPACE
