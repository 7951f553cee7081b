/// The element types of tensors in files.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/io/standard_integer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// All that a safetensors file may hold. Those after `boolean` pass through as bytes and convert to nothing.
enum class DType : std::uint8_t {
  f64,
  f32,
  bf16,
  f16,
  i64,
  i32,
  i16,
  i8,
  u8,
  u16,
  u32,
  u64,
  boolean,
  c64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
};

namespace detail {

struct DTypeFacts {
  DType dtype;
  std::string_view name;
  Index bits;
};

inline constexpr DTypeFacts dtype_facts[] = {
    {DType::f64, "F64", 64},
    {DType::f32, "F32", 32},
    {DType::bf16, "BF16", 16},
    {DType::f16, "F16", 16},
    {DType::i64, "I64", 64},
    {DType::i32, "I32", 32},
    {DType::i16, "I16", 16},
    {DType::i8, "I8", 8},
    {DType::u8, "U8", 8},
    {DType::u16, "U16", 16},
    {DType::u32, "U32", 32},
    {DType::u64, "U64", 64},
    {DType::boolean, "BOOL", 8},
    {DType::c64, "C64", 64},
    {DType::f8_e4m3, "F8_E4M3", 8},
    {DType::f8_e5m2, "F8_E5M2", 8},
    {DType::f8_e8m0, "F8_E8M0", 8},
    {DType::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    {DType::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
    {DType::f6_e2m3, "F6_E2M3", 6},
    {DType::f6_e3m2, "F6_E3M2", 6},
    {DType::f4, "F4", 4},
};

[[nodiscard]] constexpr bool dtype_facts_stand_in_order() {
  for (std::size_t i = 0; i < std::size(dtype_facts); ++i) {
    if (static_cast<std::size_t>(dtype_facts[i].dtype) != i) return false;
  }
  return true;
}
static_assert(dtype_facts_stand_in_order());

[[nodiscard]] constexpr DTypeFacts const& facts_of(DType dtype) {
  return dtype_facts[static_cast<std::size_t>(dtype)];
}

}  // namespace detail

/// The name in a safetensors header: "F32".
[[nodiscard]] constexpr std::string_view name_of(DType dtype) {
  return detail::facts_of(dtype).name;
}

[[nodiscard]] constexpr std::optional<DType> dtype_named(std::string_view name) {
  for (detail::DTypeFacts const& facts : detail::dtype_facts) {
    if (facts.name == name) return facts.dtype;
  }
  return std::nullopt;
}

/// The bits of one element; elements of less than a byte stand packed.
[[nodiscard]] constexpr Index bits_of(DType dtype) {
  return detail::facts_of(dtype).bits;
}

/// The bytes of one element. ValueError if it has less than one.
[[nodiscard]] constexpr Index size_of(DType dtype) {
  if (bits_of(dtype) % 8 != 0) {
    throw ValueError(message("an element of ", name_of(dtype), " is less than a byte"));
  }
  return bits_of(dtype) / 8;
}

/// The types whose elements stand in files as they stand in memory.
template <class T>
concept HasDType = std::same_as<T, bool> || std::same_as<T, float> || std::same_as<T, double> ||
    StandardInteger<T>;

/// The element type of T.
template <HasDType T>
[[nodiscard]] constexpr DType dtype_of() {
  if constexpr (std::same_as<T, bool>)
    return DType::boolean;
  else if constexpr (std::same_as<T, double>)
    return DType::f64;
  else if constexpr (std::same_as<T, float>)
    return DType::f32;
  else {
    constexpr std::size_t log2_size = std::bit_width(sizeof(T)) - 1;
    constexpr DType signed_types[] = {DType::i8, DType::i16, DType::i32, DType::i64};
    constexpr DType unsigned_types[] = {DType::u8, DType::u16, DType::u32, DType::u64};
    return std::signed_integral<T> ? signed_types[log2_size] : unsigned_types[log2_size];
  }
}

ACCRETE_END_NAMESPACE
