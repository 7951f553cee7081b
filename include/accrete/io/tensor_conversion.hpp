/// Elements as files store them, converted to the types of the program: exactly, or with one rounding.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include <accrete/io/dtype.hpp>

ACCRETE_BEGIN_NAMESPACE

static_assert(std::endian::native == std::endian::little,
              "tensors in files are little-endian and are copied as they stand");

/// A bfloat16 is the upper half of a float.
[[nodiscard]] inline float float_of_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

/// IEEE 754 binary16; every value is a float.
[[nodiscard]] inline float float_of_f16(std::uint16_t bits) {
  std::uint32_t const sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  std::uint32_t const exponent = (bits >> 10) & 0x1F;
  std::uint32_t const fraction = bits & 0x3FF;
  if (exponent == 0) {  // zero and subnormal numbers: fraction * 2^-24
    float const magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  std::uint32_t const float_exponent = exponent == 0x1F ? 0xFF : exponent - 15 + 127;
  return std::bit_cast<float>(sign | float_exponent << 23 | fraction << 13);
}

/// Elements of this type can become a T: all numbers and truths a floating-point T, integers and truths an
/// integral T, truths alone a bool.
template <class T>
requires std::integral<T> || std::floating_point<T>
[[nodiscard]] constexpr bool converts_to(DType dtype) {
  bool const floating = dtype <= DType::f16;
  bool const whole = dtype >= DType::i64 && dtype <= DType::u64;
  bool const truth = dtype == DType::boolean;
  if constexpr (std::same_as<T, bool>) return truth;
  return truth || whole || (floating && std::floating_point<T>);
}

namespace detail {

/// A floating-point value fits no integer, whatever it is.
template <std::integral T>
[[nodiscard]] bool fits_integer(auto value) {
  if constexpr (std::integral<decltype(value)>) return std::in_range<T>(value);
  return false;
}

/// Converts elements up to the first that T cannot hold; how many they are.
template <class Stored, class T>
[[nodiscard]] std::size_t convert_stored(std::span<std::byte const> bytes, std::span<T> out,
                                         auto const& value_of) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    auto const value = value_of(stored);
    if constexpr (std::integral<T> && !std::same_as<T, bool>) {
      if (!fits_integer<T>(value)) return i;
    }
    out[i] = static_cast<T>(value);
  }
  return out.size();
}

}  // namespace detail

/// out[i] = T(element i of `bytes`), for a dtype that converts to T.
///
/// To a floating-point T: exact where T can hold the value, else rounded once, to the nearest, ties to even,
/// beyond the largest T to infinity. To an integral T: exact. Returns how many elements were converted: less
/// than all when one does not fit, which is an integer out of T's range or a truth that is neither 0 nor 1.
template <class T>
requires std::integral<T> || std::floating_point<T>
[[nodiscard]] std::size_t convert_elements(DType dtype, std::span<std::byte const> bytes,
                                           std::span<T> out) {
  constexpr auto as_it_is = [](auto stored) { return stored; };
  auto const convert = [&]<class Stored>(Stored, auto const& value_of) {
    return detail::convert_stored<Stored>(bytes, out, value_of);
  };
  switch (dtype) {
    case DType::f64:
      return convert(double{}, as_it_is);
    case DType::f32:
      return convert(float{}, as_it_is);
    case DType::bf16:
      return convert(std::uint16_t{}, float_of_bf16);
    case DType::f16:
      return convert(std::uint16_t{}, float_of_f16);
    case DType::i64:
      return convert(std::int64_t{}, as_it_is);
    case DType::i32:
      return convert(std::int32_t{}, as_it_is);
    case DType::i16:
      return convert(std::int16_t{}, as_it_is);
    case DType::i8:
      return convert(std::int8_t{}, as_it_is);
    case DType::u8:
      return convert(std::uint8_t{}, as_it_is);
    case DType::u16:
      return convert(std::uint16_t{}, as_it_is);
    case DType::u32:
      return convert(std::uint32_t{}, as_it_is);
    case DType::u64:
      return convert(std::uint64_t{}, as_it_is);
    case DType::boolean:
      break;
    default:
      return 0;
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (bytes[i] > std::byte{1}) return i;
    out[i] = static_cast<T>(std::to_integer<int>(bytes[i]));
  }
  return out.size();
}

ACCRETE_END_NAMESPACE
