#include <accrete/substrate/glyph/bitmap.hpp>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <support/error_text.hpp>

#include "../pictures.hpp"

BOOST_AUTO_TEST_SUITE(bitmap)

namespace {

using accrete::Bitmap;
using accrete_test::picture;
using accrete_test::picture_text;

}  // namespace

BOOST_AUTO_TEST_CASE(a_new_bitmap_is_paper) {
  Bitmap const bitmap(3, 2);
  BOOST_TEST(!bitmap.has_ink());
  BOOST_TEST(picture_text(bitmap) == "...\n...\n");
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_rejected) {
  using accrete_test::says;
  BOOST_CHECK_EXCEPTION(Bitmap(-1, 3), accrete::ShapeError, says("-1 x 3"));
  BOOST_CHECK_EXCEPTION(Bitmap(accrete::Index{1} << 40, accrete::Index{1} << 40),
                        accrete::ShapeError, says("67108864 pixels"));
}

BOOST_AUTO_TEST_CASE(what_is_drawn_outside_is_lost) {
  Bitmap const cross = picture(".#.\n###\n.#.\n");
  Bitmap bitmap(4, 3);
  bitmap.draw(cross, -1, -1);
  bitmap.draw(cross, 3, 1);
  bitmap.draw(cross, 9, -9);
  BOOST_TEST(picture_text(bitmap) == "##..\n#...\n...#\n");
}

BOOST_AUTO_TEST_CASE(ink_over_ink_covers_the_paper_that_was_left) {
  Bitmap bitmap = picture("+#.\n");
  bitmap.draw(picture("++#\n"), 0, 0);
  BOOST_TEST(bitmap.at(0, 0) == 192);  // 255 - 127 * 127 / 255
  BOOST_TEST(bitmap.at(1, 0) == 255);
  BOOST_TEST(bitmap.at(2, 0) == 255);
}

BOOST_AUTO_TEST_CASE(scaling_takes_the_mean_of_the_covered_area) {
  Bitmap const halved = scaled_by_area(picture("##..\n#...\n"), 2, 1);
  BOOST_TEST(halved.at(0, 0) == 191);  // 3/4 of 255, rounded
  BOOST_TEST(halved.at(1, 0) == 0);
  Bitmap const by_two_thirds = scaled_by_area(picture("#..\n"), 2, 1);
  BOOST_TEST(by_two_thirds.at(0, 0) == 170);  // the pixel covers 1 1/2 places, one of them ink
  BOOST_TEST(by_two_thirds.at(1, 0) == 0);
}

BOOST_AUTO_TEST_CASE(scaling_keeps_the_same_size_and_whole_factors_exact) {
  Bitmap const small = picture("#.+\n.#.\n");
  BOOST_CHECK(scaled_by_area(small, 3, 2) == small);
  BOOST_CHECK(scaled_by_area(small, 12, 8) == enlarged(small, 4));
  BOOST_CHECK(scaled_by_area(enlarged(small, 7), 3, 2) == small);
}

BOOST_AUTO_TEST_CASE(a_rectangle_is_filled) {
  Bitmap bitmap(5, 4);
  bitmap.fill(1, 2, 3, 1);
  BOOST_TEST(picture_text(bitmap) == ".....\n.....\n.###.\n.....\n");
}

BOOST_AUTO_TEST_SUITE_END()
