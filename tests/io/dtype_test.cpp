#include <accrete/io/dtype.hpp>
#include <accrete/io/tensor_info.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <support/error_text.hpp>

BOOST_AUTO_TEST_SUITE(dtype)

namespace {

using accrete::bits_of;
using accrete::checked_byte_count;
using accrete::DType;
using accrete::dtype_named;
using accrete::dtype_of;
using accrete::HasDType;
using accrete::Index;
using accrete::name_of;
using accrete::size_of;

static_assert(dtype_of<double>() == DType::f64 && dtype_of<float>() == DType::f32);
static_assert(dtype_of<std::int8_t>() == DType::i8 && dtype_of<std::uint8_t>() == DType::u8);
static_assert(dtype_of<std::int16_t>() == DType::i16 && dtype_of<std::uint16_t>() == DType::u16);
static_assert(dtype_of<std::int32_t>() == DType::i32 && dtype_of<std::uint32_t>() == DType::u32);
static_assert(dtype_of<std::int64_t>() == DType::i64 && dtype_of<std::uint64_t>() == DType::u64);
static_assert(dtype_of<long long>() == DType::i64 && dtype_of<bool>() == DType::boolean);
static_assert(!HasDType<char> && !HasDType<long double> && !HasDType<std::byte> &&
              !HasDType<float*>);

std::optional<std::uint64_t> bytes(DType dtype, std::vector<Index> const& shape) {
  return checked_byte_count(dtype, shape);
}

}  // namespace

BOOST_AUTO_TEST_CASE(names_go_both_ways) {
  for (int i = 0; i <= static_cast<int>(DType::f4); ++i) {
    auto const dtype = static_cast<DType>(i);
    BOOST_TEST((dtype_named(name_of(dtype)) == dtype));
  }
  BOOST_TEST(name_of(DType::bf16) == "BF16");
  BOOST_TEST(name_of(DType::boolean) == "BOOL");
  for (std::string_view const name : {"", "f32", "F32 ", "FLOAT", "F128"})
    BOOST_TEST(!dtype_named(name).has_value());
}

BOOST_AUTO_TEST_CASE(sizes_are_those_of_the_format) {
  BOOST_TEST(size_of(DType::f64) == 8);
  BOOST_TEST(size_of(DType::bf16) == 2);
  BOOST_TEST(size_of(DType::boolean) == 1);
  BOOST_TEST(size_of(DType::c64) == 8);
  BOOST_TEST(bits_of(DType::f4) == 4);
  BOOST_TEST(bits_of(DType::f6_e2m3) == 6);
  BOOST_CHECK_EXCEPTION((void)size_of(DType::f4), accrete::ValueError,
                        accrete_test::says("F4", "less than a byte"));
}

BOOST_AUTO_TEST_CASE(a_tensor_takes_the_product_of_its_shape) {
  BOOST_TEST(bytes(DType::f32, {}).value() == 4U);
  BOOST_TEST(bytes(DType::f32, {2, 3}).value() == 24U);
  BOOST_TEST(bytes(DType::f64, {5, 0, 7}).value() == 0U);
  BOOST_TEST(bytes(DType::f4, {3, 2}).value() == 3U);
  BOOST_TEST(bytes(DType::f6_e3m2, {4}).value() == 3U);
}

BOOST_AUTO_TEST_CASE(a_size_that_cannot_be_is_nothing) {
  constexpr Index largest = std::numeric_limits<Index>::max();
  BOOST_TEST(!bytes(DType::u8, {-1}).has_value());
  BOOST_TEST(!bytes(DType::u8, {largest, 3}).has_value());
  BOOST_TEST(!bytes(DType::u8, {largest}).has_value());  // its bits leave 64 bits
  BOOST_TEST(!bytes(DType::u8, {1 << 30, 1 << 30, 1 << 30}).has_value());
  BOOST_TEST(!bytes(DType::u8, {largest, 3, 0}).has_value());
  BOOST_TEST(bytes(DType::u8, {0, largest, 3}).value() == 0U);
  BOOST_TEST(!bytes(DType::f4, {3}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
