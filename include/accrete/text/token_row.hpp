/// Adjacent tokens over the code points they spell, which grow together in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A place per code point: four bytes are all that a token's neighbours cost. Token lengths are the
/// caller's to know.
class TokenRow {
 public:
  static constexpr std::size_t max_size = 0x7FFFFFFF;

  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  void clear() { places_.clear(); }

  /// Adds a token of one code point.
  void push_back(TokenId token) { places_.push_back(token); }

  /// The token that starts at `place`, or a negative number if none does.
  [[nodiscard]] TokenId operator[](std::size_t place) const { return places_[place]; }

  /// Where the token starts that ends right before `place`; a token starts at `place`, and place >
  /// 0.
  [[nodiscard]] std::size_t start_before(std::size_t place) const {
    std::int32_t const last = places_[place - 1];
    return last >= 0 ? place - 1 : place - 1 - static_cast<std::size_t>(-last);
  }

  /// Puts one token in the place of two, which start at `begin` and `middle`; the second ends right
  /// before `end`.
  void join(std::size_t begin, std::size_t middle, std::size_t end, TokenId token) {
    places_[begin] = token;
    places_[middle] = -1;
    places_[end - 1] = -static_cast<std::int32_t>(end - 1 - begin);
  }

 private:
  // A token at its first place; at its last place, if that is another, minus the distance to the
  // first; something negative between.
  std::vector<TokenId> places_;
};

}  // namespace detail

ACCRETE_END_NAMESPACE
