/// Recipe `clean`, the default: each token as the eye would see it, nothing added.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>
#include <accrete/substrate/glyph/recipe.hpp>
#include <accrete/substrate/glyph/sign.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A text token of n code points is drawn into n cells of S x S side by side, each glyph centred by
/// its box on the baseline, and the row is scaled to S x S by area. A pixel is ink where a fifth of
/// its area is: a stroke of Unifont then survives in tokens of up to ten characters. (Measured with
/// Unifont on 65,676 n-grams of 2 to 5 characters: 131 groups share a picture, 124 of them because
/// their characters look alike; where a quarter is asked for 206, a half 1,410.)
///
/// What no font shows has a sign of its own, so that only look-alikes are equal: a space is an open
/// box; other code points without ink or without a glyph are their code in a frame; a byte token is
/// two hexadecimal digits in a frame; special and reserved tokens are their name in a frame.
struct CleanRecipe {
  static constexpr Index min_size = 16;
  static constexpr Index max_size = 128;
  static constexpr std::size_t max_code_points = 4096;  // of a token
  static constexpr int least_ink = Bitmap::full_ink / 5;

  Index cell_size = 32;                       // S, from min_size to max_size
  MissingGlyph missing = MissingGlyph::draw;  // control characters are always drawn

  [[nodiscard]] Index size() const { return cell_size; }

  /// Throws ValueError for a cell size out of range, a token longer than max_code_points, and a
  /// missing glyph where such are refused.
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap picture(Rasterizer& rasterizer, DrawnToken const& token) const;

  [[nodiscard]] std::vector<Index> pixel_order() const { return row_major_order(cell_size); }

  [[nodiscard]] Json describe() const {
    return Json::object({{"name", "clean"}, {"size", cell_size}});
  }

 private:
  void check(DrawnToken const& token) const;
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap cell(Rasterizer& rasterizer, char32_t code_point) const;
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap row_of_cells(Rasterizer& rasterizer, std::u32string_view text) const;
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap framed_name(Rasterizer& rasterizer, std::u32string_view name) const;
};

inline void CleanRecipe::check(DrawnToken const& token) const {
  if (cell_size < min_size || cell_size > max_size) {
    throw ValueError(message("CleanRecipe: expected a cell size from ", min_size, " to ", max_size,
                             ", got ", cell_size));
  }
  if (token.text.empty() || token.text.size() > max_code_points) {
    throw ValueError(message("CleanRecipe: expected a token of 1 to ", max_code_points,
                             " code points, got ", token.text.size()));
  }
}

template <GlyphRasterizer Rasterizer>
Bitmap CleanRecipe::picture(Rasterizer& rasterizer, DrawnToken const& token) const {
  check(token);
  switch (token.kind) {
    case TokenKind::byte:
      return framed_code(token.text[0], 2, 1, cell_size);
    case TokenKind::special:
    case TokenKind::reserved:
      return framed_name(rasterizer, token.text);
    case TokenKind::text:
      break;
  }
  Bitmap const row = row_of_cells(rasterizer, token.text);
  return thresholded(scaled_by_area(row, cell_size, cell_size), least_ink);
}

template <GlyphRasterizer Rasterizer>
Bitmap CleanRecipe::cell(Rasterizer& rasterizer, char32_t code_point) const {
  if (code_point == U' ') return space_mark(cell_size);
  bool const control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
  std::optional<Glyph> const glyph =
      find_glyph(rasterizer, code_point, cell_size, control ? MissingGlyph::draw : missing);
  if (!glyph || !glyph->ink.has_ink()) {
    return framed_code(code_point, code_point > 0xFFFF ? 6 : 4, 2, cell_size);
  }
  PixelBox const box = box_on_baseline(*glyph);
  Bitmap whole(box.width(), box.height());
  whole.draw(glyph->ink, glyph->left - box.left, -glyph->top - box.top);
  if (box.width() > cell_size || box.height() > cell_size) {
    whole =
        scaled_by_area(whole, std::min(box.width(), cell_size), std::min(box.height(), cell_size));
  }
  Bitmap centred(cell_size, cell_size);
  centred.draw(whole, (cell_size - whole.width()) / 2, (cell_size - whole.height()) / 2);
  return centred;
}

template <GlyphRasterizer Rasterizer>
Bitmap CleanRecipe::row_of_cells(Rasterizer& rasterizer, std::u32string_view text) const {
  Bitmap row(static_cast<Index>(text.size()) * cell_size, cell_size);
  Index left = 0;
  for (char32_t const code_point : text) {
    row.draw(cell(rasterizer, code_point), left, 0);
    left += cell_size;
  }
  return row;
}

/// The name's cells in as many rows as make the sheet about square, scaled into the frame. Columns
/// that are empty in all cells, as beside narrow letters, are left out first.
template <GlyphRasterizer Rasterizer>
Bitmap CleanRecipe::framed_name(Rasterizer& rasterizer, std::u32string_view name) const {
  auto const count = static_cast<Index>(name.size());
  Index const line = sign_line(cell_size);
  Bitmap const cells = row_of_cells(rasterizer, name);
  Index first = cell_size;
  Index last = 0;
  for (Index y = 0; y < cell_size; ++y) {
    for (Index x = 0; x < cells.width(); ++x) {
      if (cells.at(x, y) == 0) continue;
      first = std::min(first, x % cell_size);
      last = std::max(last, x % cell_size);
    }
  }
  Index const step = last - first + 1 + 2 * line;
  Index columns = 1;
  while (columns * step < (count + columns - 1) / columns * cell_size) ++columns;

  Bitmap sheet(columns * step, (count + columns - 1) / columns * cell_size);
  for (Index i = 0; i < count; ++i) {
    Index const left = i % columns * step + line;
    Index const top = i / columns * cell_size;
    for (Index y = 0; y < cell_size; ++y) {
      for (Index x = first; x <= last; ++x) {
        sheet.at(left + x - first, top + y) = cells.at(i * cell_size + x, y);
      }
    }
  }
  Index const inner = cell_size - 4 * line;
  Bitmap framed(cell_size, cell_size);
  framed.draw(scaled_by_area(sheet, inner, inner), 2 * line, 2 * line);
  draw_frame(framed);
  return thresholded(framed, least_ink);
}

ACCRETE_END_NAMESPACE
