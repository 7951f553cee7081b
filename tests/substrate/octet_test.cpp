#include <accrete/substrate/octet.hpp>

#include <array>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(octet)

namespace {

constexpr double third_bit = 1.0 + 0x1p-30;  // its square needs more than 53 bits

}  // namespace

BOOST_AUTO_TEST_CASE(a_product_is_rounded_before_it_is_added) {
  double const square = accrete::rounded_product(third_bit, third_bit);
  BOOST_TEST(square + -(1.0 + 0x1p-29) == 0.0);  // a fused operation leaves 2^-60
  accrete::Octet const x = accrete::Octet::all(third_bit);
  accrete::Octet const rest = x * x - accrete::Octet::all(1.0 + 0x1p-29);
  BOOST_TEST(rest.sum() == 0.0);
}

BOOST_AUTO_TEST_CASE(lanes_are_added_in_a_fixed_tree) {
  std::array<double, 16> x{};
  std::array<double, 16> y{};
  x.fill(1.0);
  y = {1e16, 1, -1e16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  // Lane 0 loses its 1. Pairs of lanes: (1e16, 2) + (-1e16, 2) and (2, 2) + (2, 2).
  BOOST_TEST(accrete::octet_dot(x.data(), y.data(), 0, 16) ==
             ((1e16 + 1) + (-1e16 + 1) + 4.0) + ((2.0 + 2.0) + 4.0));
  BOOST_TEST(accrete::octet_dot(x.data(), y.data(), 8, 16) == 8.0);
}

BOOST_AUTO_TEST_CASE(sizes_are_padded_to_whole_octets) {
  BOOST_TEST(accrete::padded_to_octets(1) == 8);
  BOOST_TEST(accrete::padded_to_octets(8) == 8);
  BOOST_TEST(accrete::padded_to_octets(9) == 16);
}

BOOST_AUTO_TEST_SUITE_END()
