#include <accrete/substrate/glyph/hex_rasterizer.hpp>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <support/error_text.hpp>

#include "../hand_made_font.hpp"
#include "../pictures.hpp"

BOOST_AUTO_TEST_SUITE(hex_rasterizer)

namespace {

using accrete::Glyph;
using accrete_test::hand_made_font;
using accrete_test::picture;

}  // namespace

BOOST_AUTO_TEST_CASE(a_glyph_is_cut_to_its_ink) {
  auto const font = hand_made_font();
  Glyph const comma = font.find(U',', 16).value();
  BOOST_TEST(accrete_test::picture_text(comma.ink) == "##\n##\n.#\n#.\n");
  BOOST_TEST(comma.left == 3);
  BOOST_TEST(comma.top == 2);
  BOOST_TEST(comma.advance == 8);
}

BOOST_AUTO_TEST_CASE(sizes_are_multiples_of_the_bitmap) {
  auto const font = hand_made_font();
  for (char32_t const code_point : {U',', U'b', char32_t{0x301}, char32_t{0x4E00}}) {
    Glyph const small = font.find(code_point, 16).value();
    Glyph const large = font.find(code_point, 64).value();
    BOOST_CHECK(large ==
                (Glyph{enlarged(small.ink, 4), 4 * small.left, 4 * small.top, 4 * small.advance}));
  }
}

BOOST_AUTO_TEST_CASE(marks_stand_at_their_offset_and_do_not_advance) {
  Glyph const acute = hand_made_font().find(0x301, 32).value();
  BOOST_TEST(acute.left == 2 * (4 - 8));
  BOOST_TEST(acute.advance == 0);
}

BOOST_AUTO_TEST_CASE(a_glyph_without_ink_has_an_advance) {
  Glyph const space = hand_made_font().find(U' ', 32).value();
  BOOST_CHECK(space == (Glyph{{}, 0, 0, 16}));
}

BOOST_AUTO_TEST_CASE(what_the_font_lacks_is_not_found_and_has_a_picture) {
  auto const font = hand_made_font();
  BOOST_TEST(!font.find(U'x', 32).has_value());
  Glyph const missing = font.missing(16);
  BOOST_CHECK(missing.ink == picture("######\n"
                                     "##..##\n"
                                     "#.##.#\n"
                                     "#.##.#\n"
                                     "####.#\n"
                                     "###.##\n"
                                     "###.##\n"
                                     "######\n"
                                     "###.##\n"
                                     "###.##\n"
                                     "######\n"));
  BOOST_TEST(missing.advance == 8);
}

BOOST_AUTO_TEST_CASE(other_sizes_are_rejected) {
  auto const font = hand_made_font();
  for (accrete::Index const size : {-16, 0, 8, 24, 33, 1040}) {
    BOOST_CHECK_EXCEPTION((void)font.find(U'a', size), accrete::ValueError,
                          accrete_test::says("hand-made.hex", "16, 32, ..., 1024"));
  }
}

BOOST_AUTO_TEST_CASE(the_description_holds_the_hashes) {
  accrete::Json const json = hand_made_font().describe();
  BOOST_TEST(json.at("font").as_string() == "hand-made.hex");
  BOOST_TEST(json.at("sha256").as_string().size() == 64U);
  BOOST_TEST(json.at("marks_sha256").as_string().size() == 64U);
}

BOOST_AUTO_TEST_SUITE_END()
