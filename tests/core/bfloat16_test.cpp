#include <accrete/core/bfloat16.hpp>

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

using accrete::bfloat16;

BOOST_AUTO_TEST_SUITE(bfloat16_numbers)

BOOST_AUTO_TEST_CASE(rounds_to_the_nearest_and_ties_to_even) {
  BOOST_TEST(static_cast<float>(bfloat16(1.0F)) == 1.0F);
  BOOST_TEST(static_cast<float>(bfloat16(1.0F + 0x1p-8F)) == 1.0F);  // a tie
  BOOST_TEST(static_cast<float>(bfloat16(1.0F + 0x1p-8F + 0x1p-20F)) ==
             1.0F + 0x1p-7F);                                                  // above it
  BOOST_TEST(static_cast<float>(bfloat16(1.0F + 0x3p-8F)) == 1.0F + 0x1p-6F);  // a tie, upwards
  BOOST_TEST(static_cast<double>(bfloat16(-2.5)) == -2.5);
  BOOST_TEST(static_cast<float>(bfloat16(7)) == 7.0F);
}

BOOST_AUTO_TEST_CASE(what_is_not_finite_stays_so) {
  float const infinity = std::numeric_limits<float>::infinity();
  BOOST_TEST(static_cast<float>(bfloat16(infinity)) == infinity);
  BOOST_TEST(static_cast<float>(bfloat16(std::numeric_limits<float>::max())) == infinity);
  BOOST_TEST(std::isnan(static_cast<float>(bfloat16(std::nanf("")))));
  BOOST_TEST(std::isnan(static_cast<float>(bfloat16(-std::nanf("1")))));
}

BOOST_AUTO_TEST_CASE(at_random_it_is_the_upper_neighbour_as_often_as_it_is_near) {
  for (float const sign : {1.0F, -1.0F}) {
    float const value = sign * (1.0F + 0x3p-9F);  // three quarters of the way to 1 + 2^-7
    int far = 0;
    for (std::uint32_t random = 0; random < 0x10000; ++random) {
      float const drawn =
          static_cast<float>(bfloat16::at_random(value, static_cast<std::uint16_t>(random)));
      BOOST_REQUIRE((drawn == sign || drawn == sign * (1.0F + 0x1p-7F)));
      far += drawn != sign ? 1 : 0;
    }
    BOOST_TEST(far == 0xC000);
  }
}

BOOST_AUTO_TEST_CASE(at_random_what_needs_no_rounding_stays) {
  float const infinity = std::numeric_limits<float>::infinity();
  for (float const value : {0.0F, -0.0F, 1.0F, -2.5F, infinity, -infinity})
    for (std::uint16_t const random : std::initializer_list<std::uint16_t>{0, 1, 0xFFFF})
      BOOST_TEST(bfloat16::at_random(value, random).bits() == bfloat16(value).bits());
  BOOST_TEST(std::isnan(static_cast<float>(bfloat16::at_random(std::nanf(""), 0xFFFF))));
}

BOOST_AUTO_TEST_CASE(every_bfloat16_is_its_own_rounding) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    std::uint32_t const wide = bits << 16;
    float value = 0;
    std::memcpy(&value, &wide, sizeof(value));
    if (!std::isnan(value)) BOOST_TEST(bfloat16(value).bits() == bits);
  }
}

BOOST_AUTO_TEST_SUITE_END()
