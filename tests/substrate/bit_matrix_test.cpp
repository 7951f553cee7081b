#include <accrete/substrate/bit_matrix.hpp>

#include <boost/test/unit_test.hpp>

#include <accrete/core/error.hpp>
#include <support/error_text.hpp>

BOOST_AUTO_TEST_SUITE(bit_matrix)

BOOST_AUTO_TEST_CASE(bits_are_set_one_by_one) {
  accrete::BitMatrix bits(3, 130);
  BOOST_TEST(bits.words_per_row() == 3);
  bits.set(1, 0);
  bits.set(1, 129);
  for (accrete::Index r = 0; r < 3; ++r) {
    for (accrete::Index c = 0; c < 130; ++c) {
      BOOST_TEST(bits.at(r, c) == (r == 1 && (c == 0 || c == 129)));
    }
  }
  BOOST_TEST(bits.row(1)[2] == 2U);
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_rejected) {
  using accrete_test::says;
  BOOST_CHECK_EXCEPTION(accrete::BitMatrix(-1, 8), accrete::ShapeError, says("-1 rows"));
  BOOST_CHECK_EXCEPTION(accrete::BitMatrix(1, accrete::Index{1} << 31), accrete::ShapeError,
                        says("2147483648 bits"));
}

BOOST_AUTO_TEST_SUITE_END()
