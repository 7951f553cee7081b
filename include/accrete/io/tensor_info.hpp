/// What a file says of one tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/io/dtype.hpp>

ACCRETE_BEGIN_NAMESPACE

struct TensorInfo {
  std::string name;
  DType dtype{};
  std::vector<Index> shape;
  std::uint64_t begin = 0;  // the first byte, counted from the start of the data section
  std::uint64_t end = 0;    // one past the last

  [[nodiscard]] std::uint64_t byte_count() const { return end - begin; }
  [[nodiscard]] std::size_t element_count() const {
    return static_cast<std::size_t>(byte_count() * 8 / static_cast<std::uint64_t>(bits_of(dtype)));
  }
};

/// The bytes of a tensor without gaps. Nothing if the product leaves 64 bits, if an extent is negative, or if
/// packed elements do not fill whole bytes.
[[nodiscard]] inline std::optional<std::uint64_t> checked_byte_count(DType dtype,
                                                                     std::span<Index const> shape) {
  std::uint64_t bits = 1;
  auto const multiply = [&bits](Index extent) {
    auto const factor = static_cast<std::uint64_t>(extent);
    if (extent < 0) return false;
    if (factor != 0 && bits > std::numeric_limits<std::uint64_t>::max() / factor) return false;
    bits *= factor;
    return true;
  };
  for (Index const extent : shape) {
    if (!multiply(extent)) return std::nullopt;
  }
  if (!multiply(bits_of(dtype)) || bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

ACCRETE_END_NAMESPACE
