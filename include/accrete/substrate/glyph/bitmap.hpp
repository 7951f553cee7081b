/// Small grey pictures: of a glyph, of a row of glyphs, of a token.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// How much ink lies on each pixel, from 0 (paper) to 255 (full ink), row by row from the top left.
class Bitmap {
 public:
  static constexpr std::uint8_t full_ink = 255;
  static constexpr Index max_pixels = Index{1} << 26;

  Bitmap() = default;

  /// All paper. Throws ShapeError for negative sizes and more than `max_pixels`.
  Bitmap(Index width, Index height);

  [[nodiscard]] Index width() const { return width_; }
  [[nodiscard]] Index height() const { return height_; }

  [[nodiscard]] std::uint8_t& at(Index x, Index y) { return pixels_[place(x, y)]; }
  [[nodiscard]] std::uint8_t at(Index x, Index y) const { return pixels_[place(x, y)]; }
  [[nodiscard]] std::span<std::uint8_t const> pixels() const { return pixels_; }

  [[nodiscard]] bool has_ink() const {
    return std::any_of(pixels_.begin(), pixels_.end(), [](std::uint8_t ink) { return ink != 0; });
  }

  /// Inks the rectangle of the given corner and size, which lies within the picture.
  void fill(Index left, Index top, Index width, Index height);

  /// Lays `other` over this with its top left corner at (left, top), which may lie outside; what
  /// lies outside is lost. Where ink meets ink, the paper left by one is what the other can cover.
  void draw(Bitmap const& other, Index left, Index top);

  friend bool operator==(Bitmap const&, Bitmap const&) = default;

 private:
  [[nodiscard]] std::size_t place(Index x, Index y) const {
    ACCRETE_ASSERT(x >= 0 && x < width_ && y >= 0 && y < height_);
    return static_cast<std::size_t>(y * width_ + x);
  }

  Index width_ = 0;
  Index height_ = 0;
  std::vector<std::uint8_t> pixels_;
};

/// Each pixel becomes the mean of the area that it covers in the source, computed exactly and then
/// rounded. Both pictures have pixels.
[[nodiscard]] Bitmap scaled_by_area(Bitmap const& source, Index width, Index height);

/// Each pixel becomes a square of `factor` x `factor`.
[[nodiscard]] Bitmap enlarged(Bitmap const& source, Index factor);

inline Bitmap::Bitmap(Index width, Index height) : width_(width), height_(height) {
  if (width < 0 || height < 0 || (width > 0 && height > max_pixels / width)) {
    throw ShapeError(
        message("Bitmap: expected at most ", max_pixels, " pixels, got ", width, " x ", height));
  }
  pixels_.resize(static_cast<std::size_t>(width * height));
}

inline void Bitmap::fill(Index left, Index top, Index width, Index height) {
  for (Index y = top; y < top + height; ++y) {
    for (Index x = left; x < left + width; ++x) at(x, y) = full_ink;
  }
}

inline void Bitmap::draw(Bitmap const& other, Index left, Index top) {
  Index const x_end = std::min(left + other.width_, width_);
  Index const y_end = std::min(top + other.height_, height_);
  for (Index y = std::max<Index>(top, 0); y < y_end; ++y) {
    for (Index x = std::max<Index>(left, 0); x < x_end; ++x) {
      int const paper = (255 - at(x, y)) * (255 - other.at(x - left, y - top));
      at(x, y) = static_cast<std::uint8_t>(255 - (paper + 127) / 255);
    }
  }
}

namespace detail {

/// Calls use(target, source, share) for each pair of places of which one covers part of the other,
/// when `source_size` places are spread over `target_size`. The shares of a target add up to
/// `source_size`.
template <class Use>
void for_each_overlap(Index source_size, Index target_size, Use use) {
  for (Index target = 0; target < target_size; ++target) {
    Index const begin = target * source_size;  // in units of 1 / target_size of a source place
    Index const end = begin + source_size;
    for (Index source = begin / target_size; source * target_size < end; ++source) {
      use(target, source,
          std::min(end, (source + 1) * target_size) - std::max(begin, source * target_size));
    }
  }
}

}  // namespace detail

inline Bitmap scaled_by_area(Bitmap const& source, Index width, Index height) {
  if (source.width() == width && source.height() == height) return source;
  std::vector<Index> narrowed(static_cast<std::size_t>(width * source.height()));
  detail::for_each_overlap(source.width(), width, [&](Index x, Index from, Index share) {
    for (Index y = 0; y < source.height(); ++y) {
      narrowed[static_cast<std::size_t>(y * width + x)] += share * source.at(from, y);
    }
  });
  std::vector<Index> sums(static_cast<std::size_t>(width * height));
  detail::for_each_overlap(source.height(), height, [&](Index y, Index from, Index share) {
    for (Index x = 0; x < width; ++x) {
      sums[static_cast<std::size_t>(y * width + x)] +=
          share * narrowed[static_cast<std::size_t>(from * width + x)];
    }
  });
  Bitmap scaled(width, height);
  Index const area = source.width() * source.height();
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      Index const sum = sums[static_cast<std::size_t>(y * width + x)];
      scaled.at(x, y) = static_cast<std::uint8_t>((2 * sum + area) / (2 * area));
    }
  }
  return scaled;
}

inline Bitmap enlarged(Bitmap const& source, Index factor) {
  Bitmap large(source.width() * factor, source.height() * factor);
  for (Index y = 0; y < large.height(); ++y) {
    for (Index x = 0; x < large.width(); ++x) large.at(x, y) = source.at(x / factor, y / factor);
  }
  return large;
}

ACCRETE_END_NAMESPACE
