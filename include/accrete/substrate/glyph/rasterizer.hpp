/// Who draws a code point: the pictures that recipes lay out.
#pragma once

#include <algorithm>
#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A picture of one code point on a baseline, in pixels. `ink` is cut to the outline's box.
struct Glyph {
  Bitmap ink;
  Index left = 0;     // from the origin to the first column of ink; negative for most marks
  Index top = 0;      // from the baseline up to the upper edge of the ink
  Index advance = 0;  // from this origin to that of the next glyph

  friend bool operator==(Glyph const&, Glyph const&) = default;
};

/// A rectangle in pixels, y downwards; right and bottom lie outside.
struct PixelBox {
  Index left{};
  Index top{};
  Index right{};
  Index bottom{};
  [[nodiscard]] Index width() const { return right - left; }
  [[nodiscard]] Index height() const { return bottom - top; }
};

/// The box around the ink and the line from origin to advance, relative to the origin. Since it
/// holds the baseline, a centred comma and a centred apostrophe still differ.
[[nodiscard]] inline PixelBox box_on_baseline(Glyph const& glyph) {
  return {.left = std::min<Index>(glyph.left, 0),
          .top = std::min<Index>(-glyph.top, 0),
          .right = std::max({glyph.left + glyph.ink.width(), glyph.advance, Index{0}}),
          .bottom = std::max<Index>(glyph.ink.height() - glyph.top, 0)};
}

/// Draws glyphs of a font at a size in pixels. A copy is independent of the original: each thread
/// draws with its own.
///
/// | expression                         | meaning                                               |
/// |------------------------------------|-------------------------------------------------------|
/// | `rasterizer.find(code_point, size)`| the picture, or nothing where the font has none       |
/// | `rasterizer.missing(size)`         | the font's picture for code points that it lacks      |
/// | `rasterizer.name()`                | what errors call the font                             |
/// | `rasterizer.describe()`            | font, hash and settings, for the record               |
///
/// Errors: ValueError for a size that it cannot draw, FileError where the font is broken.
template <class Rasterizer>
concept GlyphRasterizer = std::copy_constructible<Rasterizer> &&
    requires(Rasterizer& rasterizer, Rasterizer const& unchanged, char32_t code_point, Index size) {
  { rasterizer.find(code_point, size) } -> std::same_as<std::optional<Glyph>>;
  { rasterizer.missing(size) } -> std::same_as<Glyph>;
  { unchanged.name() } -> std::convertible_to<std::string>;
  { unchanged.describe() } -> std::same_as<Json>;
};

ACCRETE_END_NAMESPACE
