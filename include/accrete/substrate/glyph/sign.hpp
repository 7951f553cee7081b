/// Pictures for what has no glyph: a code in a frame, a mark for the space.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// The hexadecimal digits, three pixels wide and five high; rows from the top, three bits each.
inline constexpr std::array<std::uint16_t, 16> digit_pictures{
    0b111'101'101'101'111, 0b010'110'010'010'111, 0b111'001'111'100'111, 0b111'001'011'001'111,
    0b101'101'111'001'001, 0b111'100'111'001'111, 0b111'100'111'101'111, 0b111'001'010'010'010,
    0b111'101'111'101'111, 0b111'101'111'001'111, 0b010'101'111'101'101, 0b110'101'110'101'110,
    0b111'100'100'100'111, 0b110'101'101'101'110, 0b111'100'110'100'111, 0b111'100'110'100'100};
inline constexpr Index digit_width = 3;
inline constexpr Index digit_height = 5;

/// Draws a digit whose pixels are squares of `scale`.
inline void draw_digit(Bitmap& picture, std::uint32_t digit, Index left, Index top, Index scale) {
  for (Index y = 0; y < digit_height; ++y) {
    for (Index x = 0; x < digit_width; ++x) {
      Index const bit = digit_width * (digit_height - 1 - y) + digit_width - 1 - x;
      if ((digit_pictures[digit] >> bit & 1) == 0) continue;
      picture.fill(left + x * scale, top + y * scale, scale, scale);
    }
  }
}

}  // namespace detail

/// The thickness of lines in signs of this size.
[[nodiscard]] constexpr Index sign_line(Index size) {
  return size < 32 ? 1 : size / 32;
}

inline void draw_frame(Bitmap& picture) {
  Index const size = picture.width();
  Index const line = sign_line(size);
  picture.fill(0, 0, size, line);
  picture.fill(0, size - line, size, line);
  picture.fill(0, 0, line, size);
  picture.fill(size - line, 0, line, size);
}

/// `digits` hexadecimal digits of `code`, in `rows` rows, in a frame: two in one row for a byte, else
/// four or six in two. `size` is at least 16.
[[nodiscard]] inline Bitmap framed_code(std::uint32_t code, Index digits, Index rows, Index size) {
  Index const columns = digits / rows;
  Index const scale = rows == 1 ? 3 * size / 32 : size / 16;
  Index const step_x = (detail::digit_width + 1) * scale;
  Index const step_y = (detail::digit_height + 1) * scale;
  Index const left = (size - (columns * step_x - scale)) / 2;
  Index const top = (size - (rows * step_y - scale)) / 2;
  Bitmap picture(size, size);
  draw_frame(picture);
  for (Index i = 0; i < digits; ++i) {
    std::uint32_t const digit = code >> (4 * (digits - 1 - i)) & 15;
    detail::draw_digit(picture, digit, left + i % columns * step_x, top + i / columns * step_y,
                       scale);
  }
  return picture;
}

/// An open box at the foot of the cell, as editors mark a space.
[[nodiscard]] inline Bitmap space_mark(Index size) {
  Index const line = 2 * sign_line(size);
  Index const left = size * 3 / 16;
  Index const width = size - 2 * left;
  Index const bottom = size * 15 / 16;
  Index const height = size / 4;
  Bitmap picture(size, size);
  picture.fill(left, bottom - line, width, line);
  picture.fill(left, bottom - height, line, height);
  picture.fill(left + width - line, bottom - height, line, height);
  return picture;
}

ACCRETE_END_NAMESPACE
