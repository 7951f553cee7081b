/// Letters, numbers and white space, as regular expressions tell them apart.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

#include <accrete/core/macros.hpp>
#include <accrete/text/unicode_class_table.hpp>

ACCRETE_BEGIN_NAMESPACE

enum class UnicodeClass : std::uint8_t { other, letter, number, white_space };

/// The class of a code point; unassigned ones are `other`.
[[nodiscard]] constexpr UnicodeClass unicode_class(char32_t code_point) {
  if (code_point < 0x80) {
    bool const is_letter = (code_point | 0x20) >= U'a' && (code_point | 0x20) <= U'z';
    bool const is_space = code_point == U' ' || (code_point >= U'\t' && code_point <= U'\r');
    return is_letter                                  ? UnicodeClass::letter
           : code_point >= U'0' && code_point <= U'9' ? UnicodeClass::number
           : is_space                                 ? UnicodeClass::white_space
                                                      : UnicodeClass::other;
  }
  auto const& starts = detail::unicode_class_starts;
  std::uint32_t const wanted = static_cast<std::uint32_t>(code_point) * 4 + 3;
  auto const next = std::upper_bound(starts.begin(), starts.end(), wanted);
  return static_cast<UnicodeClass>(*std::prev(next) & 3);
}

ACCRETE_END_NAMESPACE
