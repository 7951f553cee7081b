/// Glyphs out of Unifont's .hex bitmaps, enlarged by a whole factor. Needs no FreeType.
#pragma once

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>
#include <accrete/substrate/glyph/hex_font.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Draws what FreeType draws with Unifont's OpenType file of the same version and without hinting,
/// pixel by pixel, if the font knows its marks. Copies share the glyphs.
class HexRasterizer {
 public:
  static constexpr Index max_size = 1024;

  explicit HexRasterizer(HexFont font) : font_(std::move(font)) {}

  /// Throws ValueError unless `size` is a multiple of 16, from 16 to max_size.
  [[nodiscard]] std::optional<Glyph> find(char32_t code_point, Index size) const {
    HexGlyph const* const glyph = font_.find(code_point);
    if (glyph == nullptr) return std::nullopt;
    return draw(*glyph, size);
  }

  /// The picture that Unifont's OpenType file holds as `.notdef`.
  [[nodiscard]] Glyph missing(Index size) const;

  [[nodiscard]] std::string const& name() const { return font_.name(); }
  [[nodiscard]] Json describe() const;

 private:
  static constexpr Index ascent = 14;  // rows above the baseline

  [[nodiscard]] Glyph draw(HexGlyph const& glyph, Index size) const;

  HexFont font_;
};

static_assert(GlyphRasterizer<HexRasterizer>);

inline Glyph HexRasterizer::missing(Index size) const {
  constexpr HexGlyph notdef{
      0, 8, {0, 0, 0, 0x7E, 0x66, 0x5A, 0x5A, 0x7A, 0x76, 0x76, 0x7E, 0x76, 0x76, 0x7E, 0, 0}};
  return draw(notdef, size);
}

inline Json HexRasterizer::describe() const {
  Json json = Json::object({{"rasterizer", "hex"},
                            {"font", std::filesystem::path(name()).filename().string()},
                            {"sha256", font_.sha256()}});
  if (!font_.marks_sha256().empty()) json["marks_sha256"] = font_.marks_sha256();
  return json;
}

inline Glyph HexRasterizer::draw(HexGlyph const& glyph, Index size) const {
  if (size < HexGlyph::height || size > max_size || size % HexGlyph::height != 0) {
    throw ValueError(message(name(), ": expected a size of 16, 32, ..., ", max_size,
                             " pixels (bitmaps grow by whole factors), got ", size));
  }
  PixelBox ink{glyph.width, HexGlyph::height, 0, 0};
  for (Index y = 0; y < HexGlyph::height; ++y) {
    for (Index x = 0; x < glyph.width; ++x) {
      if (!glyph.at(x, y)) continue;
      ink = {std::min(ink.left, x), std::min(ink.top, y), std::max(ink.right, x + 1),
             std::max(ink.bottom, y + 1)};
    }
  }
  Index const factor = size / HexGlyph::height;
  Index const advance = glyph.mark_offset ? 0 : glyph.width * factor;
  if (ink.right == 0) return {Bitmap(), 0, 0, advance};
  Bitmap bitmap(ink.width(), ink.height());
  for (Index y = ink.top; y < ink.bottom; ++y) {
    for (Index x = ink.left; x < ink.right; ++x) {
      if (glyph.at(x, y)) bitmap.at(x - ink.left, y - ink.top) = Bitmap::full_ink;
    }
  }
  return {enlarged(bitmap, factor), (ink.left + glyph.mark_offset.value_or(0)) * factor,
          (ascent - ink.top) * factor, advance};
}

ACCRETE_END_NAMESPACE
