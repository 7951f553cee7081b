/// Pictures as text: rows of '#' and '.', separated by line breaks.
#pragma once

#include <string>
#include <string_view>

#include <accrete/substrate/glyph/bitmap.hpp>

namespace accrete_test {

[[nodiscard]] inline std::string picture_text(accrete::Bitmap const& bitmap) {
  std::string text;
  for (accrete::Index y = 0; y < bitmap.height(); ++y) {
    for (accrete::Index x = 0; x < bitmap.width(); ++x) text += bitmap.at(x, y) >= 128 ? '#' : '.';
    text += '\n';
  }
  return text;
}

/// Full ink for '#', none for '.', a half (128) for '+'.
[[nodiscard]] inline accrete::Bitmap picture(std::string_view text) {
  auto const width = static_cast<accrete::Index>(text.find('\n'));
  auto const height = static_cast<accrete::Index>(text.size()) / (width + 1);
  accrete::Bitmap bitmap(width, height);
  for (accrete::Index y = 0; y < height; ++y) {
    for (accrete::Index x = 0; x < width; ++x) {
      char const pixel = text[static_cast<std::size_t>(y * (width + 1) + x)];
      bitmap.at(x, y) = pixel == '#' ? 255 : pixel == '+' ? 128 : 0;
    }
  }
  return bitmap;
}

}  // namespace accrete_test
