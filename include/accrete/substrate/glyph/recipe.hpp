/// How a token becomes a picture, and a picture bits.
#pragma once

#include <concepts>
#include <iomanip>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a recipe is told of a token.
struct DrawnToken {
  TokenKind kind = TokenKind::text;
  std::u32string text;  // its code points; of a byte token one element, the byte
};

[[nodiscard]] inline DrawnToken drawn_token(Vocabulary const& vocabulary, TokenId id) {
  TokenKind const kind = vocabulary.kind(id);
  std::string_view const spelling = vocabulary.token(id);
  if (kind == TokenKind::byte) return {kind, {static_cast<unsigned char>(spelling[0])}};
  return {kind, to_code_points(spelling)};
}

/// A token's picture, and the order in which its pixels are read as bits. One file of a user's own
/// may define one; it must be a pure function of the token.
///
/// | expression                          | meaning                                              |
/// |-------------------------------------|------------------------------------------------------|
/// | `recipe.picture(rasterizer, token)` | `recipe.size()` pixels wide and high                 |
/// | `recipe.pixel_order()`              | bit b is pixel order[b] of the rows one after another|
/// | `recipe.describe()`                 | name and settings, for the record                    |
///
/// A pixel that is at least half ink is a 1.
template <class Recipe, class Rasterizer>
concept GlyphRecipe = GlyphRasterizer<Rasterizer> &&
    requires(Recipe const& recipe, Rasterizer& rasterizer, DrawnToken const& token) {
  { recipe.size() } -> std::convertible_to<Index>;
  { recipe.picture(rasterizer, token) } -> std::same_as<Bitmap>;
  { recipe.pixel_order() } -> std::same_as<std::vector<Index>>;
  { recipe.describe() } -> std::same_as<Json>;
};

/// What a recipe does where the font lacks a glyph.
enum class MissingGlyph {
  draw,   // a picture that stands for it
  refuse  // ValueError that names font and code point
};

/// The picture of a code point, or nothing where the font has none and that is allowed.
template <GlyphRasterizer Rasterizer>
[[nodiscard]] std::optional<Glyph> find_glyph(Rasterizer& rasterizer, char32_t code_point,
                                              Index size, MissingGlyph missing) {
  std::optional<Glyph> glyph = rasterizer.find(code_point, size);
  if (!glyph && missing == MissingGlyph::refuse) {
    throw ValueError(message(rasterizer.name(), ": the font has no glyph for U+", std::hex,
                             std::uppercase, std::setw(4), std::setfill('0'),
                             static_cast<std::uint32_t>(code_point)));
  }
  return glyph;
}

/// 0, 1, 2, ...: rows from top to bottom, each from left to right.
[[nodiscard]] inline std::vector<Index> row_major_order(Index size) {
  std::vector<Index> order(static_cast<std::size_t>(size * size));
  std::iota(order.begin(), order.end(), Index{0});
  return order;
}

/// Full ink where a pixel has at least `least` ink, else paper.
[[nodiscard]] inline Bitmap thresholded(Bitmap picture, int least) {
  for (Index y = 0; y < picture.height(); ++y) {
    for (Index x = 0; x < picture.width(); ++x) {
      picture.at(x, y) = picture.at(x, y) >= least ? Bitmap::full_ink : 0;
    }
  }
  return picture;
}

ACCRETE_END_NAMESPACE
