/// The upper half of a float: 8 bits of exponent, 7 of fraction.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;

/// A number to store, not to compute with: conversions are explicit. To it they round to the nearest, ties to even; a
/// double is rounded to float first.
class bfloat16 {
 public:
  bfloat16() = default;

  template <Arithmetic T>
  ACCRETE_HOST_DEVICE explicit bfloat16(T value) : bits_(rounded(static_cast<float>(value))) {}

  template <std::floating_point T>
  [[nodiscard]] ACCRETE_HOST_DEVICE explicit operator T() const {
    std::uint32_t const wide = static_cast<std::uint32_t>(bits_) << 16;
    float value = 0;
    std::memcpy(&value, &wide, sizeof(value));
    return static_cast<T>(value);
  }

  /// One of the two neighbours of a value that lies between them, each with the probability of its nearness: the value
  /// itself on average over `random`, 16 uniform bits. What has no neighbours stays.
  [[nodiscard]] ACCRETE_HOST_DEVICE static bfloat16 at_random(float value, std::uint16_t random) {
    std::uint32_t wide = 0;
    std::memcpy(&wide, &value, sizeof(wide));
    bfloat16 result(value);  // NaN stays NaN
    if (value == value) result.bits_ = static_cast<std::uint16_t>((wide + random) >> 16);
    return result;
  }

  [[nodiscard]] ACCRETE_HOST_DEVICE std::uint16_t bits() const { return bits_; }
  friend bool operator==(bfloat16 a, bfloat16 b) {
    return static_cast<float>(a) == static_cast<float>(b);
  }
  friend bool operator<(bfloat16 a, bfloat16 b) {
    return static_cast<float>(a) < static_cast<float>(b);
  }

 private:
  ACCRETE_HOST_DEVICE static std::uint16_t rounded(float value) {
    std::uint32_t wide = 0;
    std::memcpy(&wide, &value, sizeof(wide));
    if (value != value) return static_cast<std::uint16_t>(wide >> 16 | 0x40);  // stays NaN
    return static_cast<std::uint16_t>((wide + 0x7FFF + (wide >> 16 & 1)) >> 16);
  }

  std::uint16_t bits_;
};

ACCRETE_END_NAMESPACE

template <>
struct std::numeric_limits<accrete::bfloat16> {
  static constexpr bool is_specialized = true;
  static constexpr int digits = 8;
  /// The distance from 1 to the next number; a float, since a bfloat16 does not compute.
  static constexpr float epsilon() { return 0x1p-7F; }
};
