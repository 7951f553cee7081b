/// Unsigned numbers as bytes, the lowest first.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <string>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

static_assert(std::endian::native == std::endian::little, "numbers go into files as they stand");

inline void append_little_endian(std::string& bytes, std::unsigned_integral auto number) {
  char copy[sizeof number];
  std::memcpy(copy, &number, sizeof number);
  bytes.append(copy, sizeof number);
}

/// The number that the first bytes at `bytes` hold.
template <std::unsigned_integral Number>
[[nodiscard]] Number load_little_endian(std::byte const* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

}  // namespace detail

ACCRETE_END_NAMESPACE
