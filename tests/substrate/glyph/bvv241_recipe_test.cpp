#include <accrete/substrate/glyph/bvv241_recipe.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <accrete/substrate/glyph/hex_rasterizer.hpp>
#include <support/error_text.hpp>

#include "../hand_made_font.hpp"
#include "../installed.hpp"
#include "../pictures.hpp"
#include "../published_pictures.hpp"

BOOST_AUTO_TEST_SUITE(bvv241_recipe)

namespace {

using accrete::Bitmap;
using accrete::Bvv241Recipe;
using accrete::Index;
using accrete::TokenKind;
using accrete_test::needs;
using accrete_test::picture;
using accrete_test::says;
using accrete_test::unifont_hex;
using accrete_test::unifont_marks;

static_assert(accrete::GlyphRecipe<Bvv241Recipe, accrete::HexRasterizer>);

Bitmap draw(std::u32string text, Index size = 32, TokenKind kind = TokenKind::text) {
  auto font = accrete_test::hand_made_font();
  return Bvv241Recipe(size).picture(font, {kind, std::move(text)});
}

Index ink(Bitmap const& bitmap) {
  return std::count(bitmap.pixels().begin(), bitmap.pixels().end(), Bitmap::full_ink);
}

}  // namespace

BOOST_AUTO_TEST_CASE(published_pictures_come_out_bit_by_bit, *needs({unifont_hex, unifont_marks})) {
  accrete::HexRasterizer font(accrete::HexFont::read(unifont_hex).with_marks(unifont_marks));
  for (Index const size : {32, 64}) {
    auto const comparison = accrete_test::compare_with_published(font, size);
    BOOST_TEST(comparison.pictures == (size == 32 ? 400U : 60U));
    BOOST_TEST(comparison.different == 0U);
  }
}

BOOST_AUTO_TEST_CASE(pixels_are_read_from_the_middle_outwards) {
  for (Index const size : {32, 64}) {
    std::vector<std::tuple<double, double, Index, Index>> places;
    for (Index y = 0; y < size; ++y) {
      for (Index x = 0; x < size; ++x) {
        auto const dx = static_cast<double>(x - size / 2);
        auto const dy = static_cast<double>(y - size / 2);
        places.emplace_back(std::sqrt(dx * dx + dy * dy), std::atan2(dy, dx), x, y);
      }
    }
    std::sort(places.begin(), places.end());
    std::vector<Index> expected;
    for (auto const& [distance, angle, x, y] : places) expected.push_back(y * size + x);
    BOOST_TEST(Bvv241Recipe(size).pixel_order() == expected);
  }
}

// Noise alone: five pixels in the easy text of one line break, none in other text.
BOOST_AUTO_TEST_CASE(a_line_break_leaves_no_ink_but_noise) {
  BOOST_TEST(accrete::detail::noisy_places(32 * 32, 0.01).size() == 5U);
  BOOST_TEST(accrete::detail::noisy_places(32 * 32, 0.001).empty());
  BOOST_TEST(ink(draw(U"\n")) == 5);
  BOOST_CHECK(draw(U"\n") == draw(U" "));
}

BOOST_AUTO_TEST_CASE(other_text_stays_as_it_is) {
  Bitmap const line = draw(U"\u4E00");
  Bitmap expected(32, 32);
  expected.fill(2, 9, 28, 4);  // the box goes from 14 above the baseline down to it
  BOOST_TEST(ink(line) == 28 * 4);
  BOOST_TEST(accrete_test::picture_text(line) == accrete_test::picture_text(expected));
}

BOOST_AUTO_TEST_CASE(the_middle_column_of_each_group_is_kept) {
  Bitmap const three = draw(U"\u4E00\u4E00\u4E00");
  Bitmap const one = draw(U"\u4E00");
  for (Index x = 0; x < 32; ++x) BOOST_TEST(three.at(x, 10) == one.at((3 * x + 1) % 32, 10));
}

BOOST_AUTO_TEST_CASE(long_tokens_are_noisy_to_their_end) {
  Bitmap const spaces = draw(std::u32string(300, U' '));
  Index in_last_columns = 0;
  for (Index y = 0; y < 32; ++y) {
    for (Index x = 24; x < 32; ++x) in_last_columns += spaces.at(x, y) != 0 ? 1 : 0;
  }
  BOOST_TEST(in_last_columns > 0);
}

BOOST_AUTO_TEST_CASE(missing_glyphs_are_drawn_as_notdef_or_refused) {
  BOOST_CHECK(draw(U"\uE000") == draw(U"\uE001"));
  BOOST_TEST(draw(U"\uE000").has_ink());
  auto font = accrete_test::hand_made_font();
  Bvv241Recipe const strict(32, accrete::MissingGlyph::refuse);
  BOOST_CHECK_EXCEPTION((void)strict.picture(font, {TokenKind::text, U"\uE000"}),
                        accrete::ValueError, says("U+E000"));
}

BOOST_AUTO_TEST_CASE(special_tokens_are_their_name_and_bytes_their_code) {
  BOOST_CHECK(draw(U"<s>", 32, TokenKind::special) == draw(U"<s>"));
  BOOST_CHECK(draw({0x0A}, 32, TokenKind::byte) == draw(U"<0x0A>"));
}

BOOST_AUTO_TEST_CASE(a_turn_by_a_quarter_turns_the_picture) {
  Bitmap const turned = accrete::detail::rotated(picture("##.\n..#\n...\n"), 0.0, 1.0);
  BOOST_TEST(accrete_test::picture_text(turned) == "..#\n..#\n.#.\n");
}

BOOST_AUTO_TEST_CASE(a_blur_keeps_even_ground_and_spreads_a_point) {
  Bitmap const even = picture("++++\n++++\n");
  BOOST_CHECK(accrete::detail::blurred(even) == even);
  Bitmap const point = accrete::detail::blurred(picture(".....\n..#..\n.....\n"));
  BOOST_TEST(point.at(2, 1) > point.at(1, 1));
  BOOST_TEST(point.at(1, 1) == point.at(3, 1));
  BOOST_TEST(point.at(1, 1) == point.at(2, 0));
  BOOST_TEST(point.at(1, 1) > point.at(1, 0));
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_endless_tokens_are_rejected) {
  for (Index const size : {0, 16, 33, 128}) {
    BOOST_CHECK_EXCEPTION(Bvv241Recipe{size}, accrete::ValueError, says("32 or 64"));
  }
  BOOST_CHECK_EXCEPTION((void)draw(std::u32string(512, U'a')), accrete::ValueError,
                        says("1 to 511", "got 512"));
  BOOST_TEST(draw(std::u32string(511, U'a'), 64).width() == 64);
}

BOOST_AUTO_TEST_SUITE_END()
