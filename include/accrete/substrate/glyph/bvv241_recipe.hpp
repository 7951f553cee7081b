/// Recipe `bvv241`, the published one (Bochkov, arXiv 2507.04886), bit for bit.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>
#include <accrete/substrate/glyph/bvv241_augmentation.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>
#include <accrete/substrate/glyph/recipe.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Glyphs are centred in cells of S x S side by side, S = 32 or 64, by their box on the baseline; the
/// row is turned, shifted, made noisy and blurred (bvv241_augmentation.hpp), more if all its code
/// points are Latin, Greek, Cyrillic or Armenian; of n cells every n-th column is kept. Bits go from
/// the middle outwards.
///
/// As published: a mark hangs left of its cell's middle and is cut at the picture's edge; a line
/// break leaves no ink; code points outside the font draw its `.notdef`; special tokens are drawn as
/// their name. The published vocabularies have no byte tokens; ours are drawn as `<0x0A>`.
class Bvv241Recipe {
 public:
  static constexpr std::size_t max_code_points = 511;  // of a token: coordinates stay below 2^15

  /// Throws ValueError unless `size` is 32 or 64.
  explicit Bvv241Recipe(Index size = 32, MissingGlyph missing = MissingGlyph::draw);

  [[nodiscard]] Index size() const { return size_; }

  /// Throws ValueError for a token of more than max_code_points, and for a missing glyph where such
  /// are refused.
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap picture(Rasterizer& rasterizer, DrawnToken const& token) const;

  /// By distance from (S/2, S/2), then by the angle from there, from -pi to pi.
  [[nodiscard]] std::vector<Index> pixel_order() const;

  [[nodiscard]] Json describe() const {
    return Json::object({{"name", "bvv241"}, {"size", size_}});
  }

 private:
  struct Kind {
    detail::Bvv241Augmentation augmentation;
    std::vector<Index> noise;  // for tokens of up to cached_cells code points
  };
  static constexpr Index cached_cells = 16;

  [[nodiscard]] static std::u32string spelled(DrawnToken const& token);
  [[nodiscard]] static bool is_easy(std::u32string_view text);
  template <GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap row_of_cells(Rasterizer& rasterizer, std::u32string_view text) const;
  [[nodiscard]] Kind make_kind(detail::Bvv241Augmentation const& augmentation) const {
    return {augmentation, detail::noisy_places(cached_cells * size_ * size_, augmentation.noise)};
  }
  void blacken(Bitmap& row, Kind const& kind) const;

  Index size_;
  MissingGlyph missing_;
  Kind easy_;
  Kind other_;
};

inline Bvv241Recipe::Bvv241Recipe(Index size, MissingGlyph missing)
    : size_(size), missing_(missing) {
  if (size != 32 && size != 64) {
    throw ValueError(message("Bvv241Recipe: expected a cell size of 32 or 64, got ", size));
  }
  easy_ = make_kind(size == 32 ? detail::bvv241_easy_32 : detail::bvv241_easy_64);
  other_ = make_kind(detail::bvv241_other);
}

template <GlyphRasterizer Rasterizer>
Bitmap Bvv241Recipe::picture(Rasterizer& rasterizer, DrawnToken const& token) const {
  std::u32string const text = spelled(token);
  if (text.empty() || text.size() > max_code_points) {
    throw ValueError(message("Bvv241Recipe: expected a token of 1 to ", max_code_points,
                             " code points, got ", text.size()));
  }
  Kind const& kind = is_easy(text) ? easy_ : other_;
  detail::Bvv241Augmentation const& change = kind.augmentation;
  Bitmap row = row_of_cells(rasterizer, text);
  if (change.sine != 0.0) row = detail::rotated(row, change.cosine, change.sine);
  Bitmap shifted(row.width(), row.height());
  shifted.draw(row, change.shift_x, change.shift_y);
  blacken(shifted, kind);
  if (change.blurred) shifted = detail::blurred(std::move(shifted));
  shifted = thresholded(std::move(shifted), 128);

  auto const cells = static_cast<Index>(text.size());
  Bitmap kept(size_, size_);
  for (Index y = 0; y < size_; ++y) {
    for (Index x = 0; x < size_; ++x) kept.at(x, y) = shifted.at((2 * x + 1) * cells / 2, y);
  }
  return kept;
}

inline std::vector<Index> Bvv241Recipe::pixel_order() const {
  // Angles without rounding: above the middle (y < S/2) they grow with x, below they fall.
  auto const key = [this](Index pixel) {
    Index const x = pixel % size_ - size_ / 2;
    Index const y = pixel / size_ - size_ / 2;
    return std::tuple(x * x + y * y, y >= 0, y < 0 ? x : -x);
  };
  std::vector<Index> order = row_major_order(size_);
  std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
  return order;
}

inline std::u32string Bvv241Recipe::spelled(DrawnToken const& token) {
  if (token.kind != TokenKind::byte) return token.text;
  constexpr std::u32string_view digits = U"0123456789ABCDEF";
  return {U'<', U'0', U'x', digits[token.text[0] >> 4], digits[token.text[0] & 15], U'>'};
}

inline bool Bvv241Recipe::is_easy(std::u32string_view text) {
  return std::all_of(text.begin(), text.end(), [](char32_t code_point) {
    return code_point <= 0x24F || (code_point >= 0x370 && code_point <= 0x58F);
  });
}

template <GlyphRasterizer Rasterizer>
Bitmap Bvv241Recipe::row_of_cells(Rasterizer& rasterizer, std::u32string_view text) const {
  Bitmap row(static_cast<Index>(text.size()) * size_, size_);
  Index cell = 0;
  for (char32_t const code_point : text) {
    if (code_point != U'\n') {
      std::optional<Glyph> found = find_glyph(rasterizer, code_point, size_, missing_);
      Glyph const glyph = found ? *std::move(found) : rasterizer.missing(size_);
      PixelBox const box = box_on_baseline(glyph);
      // Shifts round down where the box is larger than the cell. The box's left is not subtracted.
      row.draw(glyph.ink, cell * size_ + ((size_ - box.width()) >> 1) + glyph.left,
               ((size_ - box.height()) >> 1) - box.top - glyph.top);
    }
    ++cell;
  }
  return row;
}

inline void Bvv241Recipe::blacken(Bitmap& row, Kind const& kind) const {
  Index const count = row.width() * row.height();
  auto const blacken_places = [&](std::vector<Index> const& places) {
    for (Index const place : places) {
      if (place < count) row.at(place % row.width(), place / row.width()) = Bitmap::full_ink;
    }
  };
  if (count <= cached_cells * size_ * size_) {
    blacken_places(kind.noise);
  } else {
    blacken_places(detail::noisy_places(count, kind.augmentation.noise));
  }
}

ACCRETE_END_NAMESPACE
