/// What recipe `bvv241` does to a row of glyphs before it reads its bits: a turn, a shift, noise and
/// a blur, the same for every token.
///
/// The published program draws them anew for each token from generators seeded with 42, so that they
/// are constants of size and kind of text. They stand here as numbers; the arithmetic is that of the
/// picture library it used (Pillow 9.4), to the bit.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/glyph/bitmap.hpp>
#include <accrete/substrate/octet.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Cosine and sine of minus the angle, rounded to 15 decimals as published.
struct Bvv241Augmentation {
  double cosine;
  double sine;
  Index shift_x;
  Index shift_y;
  double noise;  // the share of pixels that become black
  bool blurred;
};

inline constexpr Bvv241Augmentation bvv241_easy_32{
    0.999810511216508, -0.019466423939304, -2, 0, 0.01, true};
inline constexpr Bvv241Augmentation bvv241_easy_64{
    0.999419728400483, -0.03406180388506, -3, 2, 0.03, true};
inline constexpr Bvv241Augmentation bvv241_other{1.0, 0.0, 0, 0, 0.001, false};

/// Rotation about the centre: each pixel takes the one that its centre falls on, in coordinates of
/// 1/65536 pixel; what comes from outside is paper.
[[nodiscard]] inline Bitmap rotated(Bitmap const& source, double cosine, double sine) {
  auto const fixed = [](double value) {
    return static_cast<Index>(std::floor(value * 65536.0 + 0.5));
  };
  double const middle_x = static_cast<double>(source.width()) / 2.0;
  double const middle_y = static_cast<double>(source.height()) / 2.0;
  double const origin_x =
      rounded_product(cosine, -middle_x) + rounded_product(sine, -middle_y) + middle_x;
  double const origin_y =
      rounded_product(-sine, -middle_x) + rounded_product(cosine, -middle_y) + middle_y;
  Index const step_along = fixed(cosine);
  Index const step_across = fixed(sine);
  Index const step_back = fixed(-sine);
  Index row_x = fixed(origin_x + cosine * 0.5 + sine * 0.5);
  Index row_y = fixed(origin_y + -sine * 0.5 + cosine * 0.5);
  Bitmap turned(source.width(), source.height());
  for (Index y = 0; y < turned.height(); ++y) {
    Index from_x = row_x;
    Index from_y = row_y;
    for (Index x = 0; x < turned.width(); ++x) {
      Index const column = from_x >> 16;
      Index const row = from_y >> 16;
      if (column >= 0 && column < source.width() && row >= 0 && row < source.height()) {
        turned.at(x, y) = source.at(column, row);
      }
      from_x += step_along;
      from_y += step_back;
    }
    row_x += step_across;
    row_y += step_along;
  }
  return turned;
}

/// The places k < count, row by row, that noise blackens: those where number k of the stream of
/// uniform numbers of seed 42 lies below `share`.
[[nodiscard]] inline std::vector<Index> noisy_places(Index count, double share) {
  std::mt19937 random(42);
  std::vector<Index> places;
  for (Index k = 0; k < count; ++k) {
    auto const high = static_cast<double>(random() >> 5);
    auto const low = static_cast<double>(random() >> 6);
    if ((high * 0x1p26 + low) / 0x1p53 < share) places.push_back(k);
  }
  return places;
}

/// A Gaussian of radius 0.5 as three box blurs along rows, then three along columns: each pixel is
/// mixed with its two neighbours in shares of 2^-24, the edges repeated.
[[nodiscard]] inline Bitmap blurred(Bitmap picture) {
  constexpr std::uint32_t own_share = 15379114;
  constexpr std::uint32_t side_share = 699051;  // own + 2 sides = 2^24
  std::vector<std::uint32_t> paper;
  auto const blur_line = [&](Index size, auto const& pixel) {
    paper.assign(static_cast<std::size_t>(size) + 2, 0);
    for (int pass = 0; pass < 3; ++pass) {
      for (Index i = 0; i < size; ++i) paper[static_cast<std::size_t>(i) + 1] = 255U - pixel(i);
      paper.front() = paper[1];
      paper.back() = paper[static_cast<std::size_t>(size)];
      for (Index i = 0; i < size; ++i) {
        std::uint32_t const* const at = paper.data() + i;
        std::uint32_t const mixed = at[1] * own_share + (at[0] + at[2]) * side_share;
        pixel(i) = static_cast<std::uint8_t>(255U - ((mixed + (1U << 23)) >> 24));
      }
    }
  };
  for (Index y = 0; y < picture.height(); ++y) {
    blur_line(picture.width(), [&](Index x) -> std::uint8_t& { return picture.at(x, y); });
  }
  for (Index x = 0; x < picture.width(); ++x) {
    blur_line(picture.height(), [&](Index y) -> std::uint8_t& { return picture.at(x, y); });
  }
  return picture;
}

}  // namespace detail
ACCRETE_END_NAMESPACE
