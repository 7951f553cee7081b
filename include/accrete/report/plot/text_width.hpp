/// How much room a label takes, without a font at hand: good to about a tenth, which is what a layout needs.
#pragma once

#include <string_view>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace plot {

/// The width in pixels of `text` at `size` pixels in a usual sans-serif typeface.
[[nodiscard]] inline double text_width(std::string_view text, double size) {
  double ems = 0;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (byte >= 0xE3) {
      ems += 1.0;  // the first byte of a CJK character, and of most others that are as wide as high
    } else if (byte >= 0xC0) {
      ems += 0.6;  // Cyrillic, Greek, accented letters
    } else if (byte >= 0x80) {
      continue;  // the rest of a character that is counted already
    } else if (std::string_view(" .,:;'|!iljI()[]").find(c) != std::string_view::npos) {
      ems += 0.3;
    } else if (std::string_view("mwMW%@+=<>").find(c) != std::string_view::npos) {
      ems += 0.88;
    } else if (c >= 'A' && c <= 'Z') {
      ems += 0.67;
    } else {
      ems += 0.6;
    }
  }
  return ems * size;
}

}  // namespace plot
ACCRETE_END_NAMESPACE
