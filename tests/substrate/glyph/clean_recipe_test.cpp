#include <accrete/substrate/glyph/clean_recipe.hpp>

#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <support/error_text.hpp>

#include "../hand_made_font.hpp"
#include "../pictures.hpp"

BOOST_AUTO_TEST_SUITE(clean_recipe)

namespace {

using accrete::Bitmap;
using accrete::CleanRecipe;
using accrete::DrawnToken;
using accrete::TokenKind;
using accrete_test::picture_text;

static_assert(accrete::GlyphRecipe<CleanRecipe, accrete::HexRasterizer>);

Bitmap draw(std::u32string text, TokenKind kind = TokenKind::text,
            CleanRecipe recipe = {.cell_size = 16}) {
  auto font = accrete_test::hand_made_font();
  return recipe.picture(font, DrawnToken{kind, std::move(text)});
}

}  // namespace

// The box of the comma: 8 wide (the advance) and 4 high, two rows of it below the baseline.
BOOST_AUTO_TEST_CASE(a_glyph_is_centred_by_its_box_on_the_baseline) {
  std::string expected;
  for (int y = 0; y < 16; ++y) {
    expected += y == 6 || y == 7 ? ".......##.......\n"
                : y == 8         ? "........#.......\n"
                : y == 9         ? ".......#........\n"
                                 : "................\n";
  }
  BOOST_TEST(picture_text(draw(U",")) == expected);
}

BOOST_AUTO_TEST_CASE(pictures_are_square_and_all_ink_or_paper) {
  for (accrete::Index const size : {16, 32, 48, 64, 128}) {
    for (auto const* text : {U"a", U"abcd", U"\u4E00", U" ", U"\n"}) {
      for (TokenKind const kind : {TokenKind::text, TokenKind::special, TokenKind::byte}) {
        Bitmap const bitmap = draw(text, kind, {.cell_size = size});
        BOOST_TEST(bitmap.width() == size);
        BOOST_TEST(bitmap.height() == size);
        BOOST_TEST(bitmap.has_ink());
        for (auto const pixel : bitmap.pixels()) BOOST_REQUIRE(pixel == 0 || pixel == 255);
      }
    }
  }
}

// Two cells of sixteen pixels become one: a pixel is ink where at least one of two was.
BOOST_AUTO_TEST_CASE(wide_tokens_are_scaled_by_area) {
  Bitmap const one = draw(U"b");
  Bitmap const two = draw(U"b\u4E00");
  Bitmap const other = draw(U"\u4E00");
  for (accrete::Index y = 0; y < 16; ++y) {
    for (accrete::Index x = 0; x < 8; ++x) {
      BOOST_TEST((two.at(x, y) != 0) == (one.at(2 * x, y) != 0 || one.at(2 * x + 1, y) != 0));
      BOOST_TEST((two.at(8 + x, y) != 0) ==
                 (other.at(2 * x, y) != 0 || other.at(2 * x + 1, y) != 0));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_has_no_glyph_gets_a_sign_of_its_own) {
  std::vector<DrawnToken> const tokens{
      {TokenKind::text, U" "},          {TokenKind::text, U"\n"},     {TokenKind::text, U"\t"},
      {TokenKind::text, U"\u00A0"},     {TokenKind::text, U"\u3000"}, {TokenKind::text, U"x"},
      {TokenKind::text, U"\U0001F600"}, {TokenKind::text, U"a "},     {TokenKind::text, U" a"},
      {TokenKind::text, U"a\n"},        {TokenKind::byte, U"\n"},     {TokenKind::byte, {0xA0}},
      {TokenKind::special, U"<pad>"},   {TokenKind::special, U"<s>"}, {TokenKind::special, U"</s>"},
      {TokenKind::special, U"a"},       {TokenKind::text, U"<s>"},    {TokenKind::reserved, U"b"}};
  for (accrete::Index const size : {16, 32, 64}) {
    std::set<std::string> pictures;
    for (DrawnToken const& token : tokens) {
      pictures.insert(picture_text(draw(token.text, token.kind, {.cell_size = size})));
    }
    BOOST_TEST(pictures.size() == tokens.size());
  }
}

BOOST_AUTO_TEST_CASE(all_bytes_and_codes_look_different) {
  std::set<std::string> pictures;
  for (char32_t byte = 0; byte < 256; ++byte) {
    pictures.insert(picture_text(draw({byte}, TokenKind::byte)));
    pictures.insert(picture_text(draw({0xE000 + byte})));
    pictures.insert(picture_text(draw({0x10E000 + byte})));
  }
  BOOST_TEST(pictures.size() == 3 * 256U);
}

BOOST_AUTO_TEST_CASE(a_code_is_written_in_a_frame) {
  BOOST_TEST(picture_text(draw({0xE4}, TokenKind::byte)) ==
             "################\n"
             "#..............#\n"
             "#..............#\n"
             "#..............#\n"
             "#..............#\n"
             "#...###.#.#....#\n"
             "#...#...#.#....#\n"
             "#...##..###....#\n"
             "#...#.....#....#\n"
             "#...###...#....#\n"
             "#..............#\n"
             "#..............#\n"
             "#..............#\n"
             "#..............#\n"
             "#..............#\n"
             "################\n");
}

BOOST_AUTO_TEST_CASE(look_alikes_are_equal) {
  BOOST_CHECK(draw(U"\u03BF") == draw(U"\u043E"));
  BOOST_CHECK(draw(U"a\u03BF") == draw(U"a\u043E"));
}

BOOST_AUTO_TEST_CASE(missing_glyphs_are_refused_on_demand) {
  CleanRecipe const strict{.cell_size = 16, .missing = accrete::MissingGlyph::refuse};
  BOOST_CHECK_EXCEPTION((void)draw(U"a\u0433", TokenKind::text, strict), accrete::ValueError,
                        accrete_test::says("hand-made.hex", "no glyph for U+0433"));
  BOOST_CHECK(draw(U"a\n", TokenKind::text, strict).has_ink());
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_endless_tokens_are_rejected) {
  using accrete_test::says;
  for (accrete::Index const size : {-1, 0, 15, 129}) {
    BOOST_CHECK_EXCEPTION((void)draw(U"a", TokenKind::text, {.cell_size = size}),
                          accrete::ValueError, says("16 to 128"));
  }
  BOOST_CHECK_EXCEPTION((void)draw(std::u32string(4097, U'a')), accrete::ValueError,
                        says("1 to 4096", "got 4097"));
  BOOST_CHECK_EXCEPTION((void)draw(U""), accrete::ValueError, says("got 0"));
  BOOST_CHECK(draw(std::u32string(4096, U'a')).width() == 16);
}

BOOST_AUTO_TEST_SUITE_END()
