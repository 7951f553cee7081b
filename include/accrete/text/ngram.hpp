/// N-grams of up to five code points as numbers, and how often they stand in texts.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// One to five code points in 16 bytes. Short ones come first, then the order of code points.
class Ngram {
 public:
  static constexpr std::size_t max_length = 5;

  constexpr Ngram() = default;
  explicit constexpr Ngram(std::u32string_view code_points)
      : high_(std::uint64_t{code_points.size()} << 42) {
    for (std::size_t i = 0; i < code_points.size(); ++i)
      (i < 2 ? high_ : low_) |= std::uint64_t{code_points[i]} << shift(i);
  }

  [[nodiscard]] constexpr std::size_t length() const { return high_ >> 42; }
  [[nodiscard]] constexpr char32_t operator[](std::size_t i) const {
    return static_cast<char32_t>((i < 2 ? high_ : low_) >> shift(i) & 0x1FFFFF);
  }
  [[nodiscard]] std::u32string code_points() const {
    std::u32string result;
    for (std::size_t i = 0; i < length(); ++i) result += (*this)[i];
    return result;
  }
  [[nodiscard]] constexpr std::uint64_t hash() const {
    std::uint64_t mixed = (high_ ^ (low_ * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
    mixed ^= mixed >> 32;
    return mixed * 0xD6E8FEB86659FD93;
  }

  auto operator<=>(Ngram const&) const = default;

 private:
  [[nodiscard]] static constexpr unsigned shift(std::size_t i) {
    return i < 2 ? 21 * static_cast<unsigned>(1 - i) : 21 * static_cast<unsigned>(4 - i);
  }

  std::uint64_t high_ = 0;  // length, code points 0 and 1
  std::uint64_t low_ = 0;   // code points 2 to 4
};

/// How much an n-gram counts: by the weight of the texts, and by the number of places.
struct NgramCount {
  Ngram ngram{};
  std::uint64_t weight = 0;
  std::uint64_t places = 0;
};

}  // namespace detail

ACCRETE_END_NAMESPACE
