/// Is it UTF-8? The little that JSON needs to know about encodings.
#pragma once

#include <cstddef>
#include <string_view>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// The number of bytes (1 to 4) of the well-formed UTF-8 sequence at the front of `bytes`, or 0: overlong
/// forms, surrogates, values above U+10FFFF, cut and stray bytes are not well-formed (Unicode, table 3-7).
[[nodiscard]] constexpr std::size_t utf8_sequence_length(std::string_view bytes) {
  auto const at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  auto const continues = [&](std::size_t i) { return i < bytes.size() && (at(i) & 0xC0) == 0x80; };
  if (bytes.empty()) return 0;
  unsigned char const first = at(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !continues(1)) return 0;
  if (first < 0xE0) return 2;
  unsigned char const second = at(1);
  if (first < 0xF0) {
    bool const overlong = first == 0xE0 && second < 0xA0;
    bool const surrogate = first == 0xED && second > 0x9F;
    return overlong || surrogate || !continues(2) ? 0 : 3;
  }
  bool const overlong = first == 0xF0 && second < 0x90;
  bool const too_large = first == 0xF4 && second > 0x8F;
  return overlong || too_large || !continues(2) || !continues(3) ? 0 : 4;
}

/// The position of the first byte of `bytes` that is not well-formed UTF-8, or bytes.size().
[[nodiscard]] constexpr std::size_t well_formed_utf8_prefix(std::string_view bytes) {
  std::size_t position = 0;
  while (position < bytes.size()) {
    std::size_t const length = utf8_sequence_length(bytes.substr(position));
    if (length == 0) break;
    position += length;
  }
  return position;
}

/// Appends the UTF-8 form of `code_point`, which is no surrogate and at most U+10FFFF.
constexpr void append_utf8(auto& out, char32_t code_point) {
  auto const put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  auto const put_six_bits = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put_six_bits(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_six_bits(6);
    put_six_bits(0);
  } else {
    put(0xF0 | (code_point >> 18));
    put_six_bits(12);
    put_six_bits(6);
    put_six_bits(0);
  }
}

}  // namespace detail

ACCRETE_END_NAMESPACE
