/// The published pictures of tokens: code points in hexadecimal, a tab, the bits in hexadecimal, the
/// most significant first.
#pragma once

#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <accrete/substrate/glyph/bvv241_recipe.hpp>

namespace accrete_test {

struct PublishedPicture {
  std::u32string text;
  std::string bits;
};

[[nodiscard]] inline std::vector<PublishedPicture> published_pictures(accrete::Index size) {
  std::ifstream file(ACCRETE_SOURCE_DIR "/tests/substrate/golden/bvv241_glyphs_" +
                     std::to_string(size) + ".tsv");
  std::vector<PublishedPicture> pictures;
  for (std::string line; std::getline(file, line);) {
    std::size_t const tab = line.find('\t');
    std::istringstream code_points(line.substr(0, tab));
    PublishedPicture picture{{}, line.substr(tab + 1)};
    for (std::uint32_t code_point; code_points >> std::hex >> code_point;) {
      picture.text += static_cast<char32_t>(code_point);
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

/// A picture's bits as in these files.
[[nodiscard]] inline std::string bits_text(accrete::Bitmap const& picture,
                                           std::vector<accrete::Index> const& order) {
  std::string text;
  for (std::size_t bit = 0; bit < order.size(); bit += 4) {
    unsigned digit = 0;
    for (std::size_t i = bit; i < bit + 4; ++i) {
      digit = 2 * digit + (picture.pixels()[static_cast<std::size_t>(order[i])] >= 128 ? 1 : 0);
    }
    text += "0123456789abcdef"[digit];
  }
  return text;
}

/// The number of published pictures, and of those that the recipe draws otherwise.
struct Comparison {
  std::size_t pictures = 0;
  std::size_t different = 0;
};

template <accrete::GlyphRasterizer Rasterizer>
[[nodiscard]] Comparison compare_with_published(Rasterizer& rasterizer, accrete::Index size) {
  accrete::Bvv241Recipe const recipe(size);
  auto const order = recipe.pixel_order();
  Comparison comparison;
  for (PublishedPicture const& published : published_pictures(size)) {
    auto const drawn = recipe.picture(rasterizer, {accrete::TokenKind::text, published.text});
    ++comparison.pictures;
    if (bits_text(drawn, order) != published.bits) ++comparison.different;
  }
  return comparison;
}

}  // namespace accrete_test
