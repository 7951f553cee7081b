#include <accrete/substrate/equal_rows.hpp>

#include <vector>

#include <boost/test/unit_test.hpp>

#include "random_bits.hpp"

BOOST_AUTO_TEST_SUITE(equal_rows)

BOOST_AUTO_TEST_CASE(groups_come_in_the_order_of_their_first_rows) {
  auto const bits = accrete_test::bits_of({"110", "001", "111", "001", "110", "000", "001"});
  std::vector<std::vector<accrete::Index>> const expected{{0, 4}, {1, 3, 6}};
  BOOST_CHECK(accrete::equal_rows(bits) == expected);
}

BOOST_AUTO_TEST_CASE(different_rows_form_no_group) {
  BOOST_TEST(accrete::equal_rows(accrete_test::bits_of({"10", "01", "11"})).empty());
}

BOOST_AUTO_TEST_SUITE_END()
