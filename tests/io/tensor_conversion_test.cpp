#include <accrete/io/tensor_conversion.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(tensor_conversion)

namespace {

using accrete::convert_elements;
using accrete::converts_to;
using accrete::DType;
using accrete::float_of_bf16;
using accrete::float_of_f16;

/// The elements as T, as far as they convert.
template <class T, class Stored>
std::vector<T> converted(DType dtype, std::vector<Stored> const& stored) {
  // vector<bool> has no span: truths are collected one by one.
  std::vector<T> values;
  for (Stored const& one : stored) {
    T value{};
    if (convert_elements(dtype, std::as_bytes(std::span(&one, 1)), std::span(&value, 1)) == 0)
      break;
    values.push_back(value);
  }
  return values;
}

template <class T>
constexpr T largest = std::numeric_limits<T>::max();
template <class T>
constexpr T smallest = std::numeric_limits<T>::lowest();

}  // namespace

// Each of the 65,536 values against its definition: (-1)^sign * 2^(exponent - 25) * (1024 + fraction), and so on.
BOOST_AUTO_TEST_CASE(every_f16_is_exact) {
  for (unsigned bits = 0; bits < 65'536; ++bits) {
    double const sign = bits >> 15 != 0 ? -1 : 1;
    int const exponent = static_cast<int>(bits >> 10 & 31);
    unsigned const fraction = bits & 1023;
    float const value = float_of_f16(static_cast<std::uint16_t>(bits));
    if (exponent == 31 && fraction != 0) {
      BOOST_REQUIRE(std::isnan(value));
      continue;
    }
    double const expected = exponent == 31  ? sign * INFINITY
                            : exponent == 0 ? sign * std::ldexp(fraction, -24)
                                            : sign * std::ldexp(1024 + fraction, exponent - 25);
    BOOST_REQUIRE(std::bit_cast<std::uint64_t>(static_cast<double>(value)) ==
                  std::bit_cast<std::uint64_t>(expected));
  }
}

BOOST_AUTO_TEST_CASE(every_bf16_is_the_upper_half_of_a_float) {
  for (std::uint32_t bits = 0; bits < 65'536; ++bits) {
    float const value = float_of_bf16(static_cast<std::uint16_t>(bits));
    BOOST_REQUIRE(std::bit_cast<std::uint32_t>(value) == bits << 16);
  }
}

BOOST_AUTO_TEST_CASE(doubles_round_once_to_the_nearest_even_float) {
  std::vector<double> const stored{
      1.0,  0.1,      1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-52, 1 + 3 * 0x1p-24,
      -0.0, 0x1p-150, 1e39,        0x1p-149 * 1.5,        INFINITY};
  std::vector<float> const expected{1.0F,  0.1F, 1.0F,     1 + 0x1p-23F, 1 + 0x1p-22F,
                                    -0.0F, 0.0F, INFINITY, 0x1p-148F,    INFINITY};
  BOOST_TEST(converted<float>(DType::f64, stored) == expected);
  BOOST_TEST(std::signbit(converted<float>(DType::f64, std::vector{-0.0}).at(0)));
  BOOST_TEST(std::isnan(converted<float>(DType::f64, std::vector<double>{NAN}).at(0)));
}

BOOST_AUTO_TEST_CASE(large_integers_round_once) {
  std::uint64_t const tie_and_more = (std::uint64_t{1} << 63) + (std::uint64_t{1} << 39) + 1;
  BOOST_TEST(converted<float>(DType::u64, std::vector{tie_and_more}) ==
             std::vector{0x1p63F + 0x1p40F});
  BOOST_TEST(converted<float>(DType::u64, std::vector{tie_and_more - 1}) == std::vector{0x1p63F});
  std::int64_t const odd = (std::int64_t{1} << 53) + 1;
  BOOST_TEST(converted<double>(DType::i64, std::vector{odd, -odd}) ==
             (std::vector{0x1p53, -0x1p53}));
}

BOOST_AUTO_TEST_CASE(integers_convert_exactly_or_not_at_all) {
  BOOST_TEST(converted<std::int64_t>(DType::i8, std::vector<std::int8_t>{-128, 127}) ==
             (std::vector<std::int64_t>{-128, 127}));
  BOOST_TEST(converted<std::int32_t>(
                 DType::i64,
                 std::vector<std::int64_t>{5, largest<std::int32_t>, smallest<std::int32_t>}) ==
             (std::vector{5, largest<std::int32_t>, smallest<std::int32_t>}));
  BOOST_TEST(converted<std::int32_t>(
                 DType::i64, std::vector<std::int64_t>{
                                 5, std::int64_t{largest<std::int32_t>} + 1}) == (std::vector{5}));
  BOOST_TEST(converted<std::uint8_t>(DType::i16, std::vector<std::int16_t>{255, -1}) ==
             (std::vector<std::uint8_t>{255}));
  BOOST_TEST(converted<std::int64_t>(DType::u64, std::vector{largest<std::uint64_t>}).empty());
  BOOST_TEST(converted<double>(DType::u8, std::vector<std::uint8_t>{0, 255}) ==
             (std::vector{0.0, 255.0}));
}

BOOST_AUTO_TEST_CASE(truths_are_zero_or_one) {
  std::vector<std::uint8_t> const stored{0, 1, 2, 1};
  BOOST_TEST(converted<float>(DType::boolean, stored) == (std::vector{0.0F, 1.0F}));
  BOOST_TEST(converted<int>(DType::boolean, stored) == (std::vector{0, 1}));
  BOOST_TEST((converted<bool>(DType::boolean, stored) == std::vector{false, true}));
}

BOOST_AUTO_TEST_CASE(what_has_no_exact_meaning_does_not_convert) {
  static_assert(converts_to<float>(DType::f64) && converts_to<double>(DType::bf16) &&
                converts_to<float>(DType::i64));
  static_assert(converts_to<int>(DType::u64) && converts_to<int>(DType::boolean) &&
                converts_to<bool>(DType::boolean));
  static_assert(!converts_to<int>(DType::f32) && !converts_to<bool>(DType::u8) &&
                !converts_to<bool>(DType::f32));
  static_assert(!converts_to<float>(DType::c64) && !converts_to<float>(DType::f8_e4m3) &&
                !converts_to<float>(DType::f4));
}

BOOST_AUTO_TEST_CASE(runs_convert_as_one) {
  std::vector<std::int16_t> const stored{1, 2, 3, 400, 5};
  std::vector<std::int8_t> out(5);
  BOOST_TEST(convert_elements(DType::i16, std::as_bytes(std::span(stored)), std::span(out)) == 3U);
  BOOST_TEST(out == (std::vector<std::int8_t>{1, 2, 3, 0, 0}));
}

BOOST_AUTO_TEST_SUITE_END()
