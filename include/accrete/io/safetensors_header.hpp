/// The header of a safetensors file: what it says, and how it is written.
///
/// A file is 8 bytes with the header's length (little-endian), the header, and the data section:
///     {"__metadata__": {"key": "value"}, "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
/// The tensors' bytes cover the data section without gaps or overlaps.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/io/json_string.hpp>
#include <accrete/io/tensor_info.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a file may hold.
///
/// The reference reader bounds the header alone. It also accepts what is refused here: a name that stands twice, white
/// space before the first brace, an extent of 2^63 or more in a tensor without elements, a tensor as an array of its
/// dtype, shape and offsets, and unknown members that nest deeper than 64 levels.
struct SafetensorsLimits {
  std::uint64_t header_bytes = 100'000'000;
  std::size_t tensors = 1'000'000;
  std::size_t metadata_entries = 100'000;
  std::size_t rank = 8;
};

struct SafetensorsHeader {
  /// The bytes before the header, which hold its length.
  static constexpr std::uint64_t length_bytes = 8;

  std::vector<TensorInfo> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
  std::vector<std::uint32_t> by_name;  // positions in `tensors`, sorted by name

  [[nodiscard]] TensorInfo const* find(std::string_view name) const;
};

/// The length and the header of a file with these tensors, padded with spaces to a multiple of 8 bytes.
[[nodiscard]] std::string format_safetensors_header(
    std::vector<TensorInfo> const& tensors, std::map<std::string, std::string> const& metadata);

inline TensorInfo const* SafetensorsHeader::find(std::string_view name) const {
  auto const name_at = [this](std::uint32_t i) { return std::string_view(tensors[i].name); };
  auto const place = std::ranges::lower_bound(by_name, name, {}, name_at);
  return place == by_name.end() || name_at(*place) != name ? nullptr : &tensors[*place];
}

inline std::string format_safetensors_header(std::vector<TensorInfo> const& tensors,
                                             std::map<std::string, std::string> const& metadata) {
  std::size_t expected = 64;
  for (auto const& [key, value] : metadata) expected += key.size() + value.size() + 8;
  for (TensorInfo const& tensor : tensors) expected += tensor.name.size() + 96;
  std::string text;
  text.reserve(expected);
  text.append(SafetensorsHeader::length_bytes, '\0');
  auto const append_list = [&text](auto const& numbers) {
    text += '[';
    for (auto const number : numbers) text.append(std::to_string(number)) += ',';
    if (text.back() == ',') text.pop_back();
    text += ']';
  };
  text += '{';
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (auto const& [key, value] : metadata) {
      detail::append_json_string(text, key);
      text += ':';
      detail::append_json_string(text, value);
      text += ',';
    }
    text.back() = '}';
    text += ',';
  }
  for (TensorInfo const& tensor : tensors) {
    detail::append_json_string(text, tensor.name);
    text.append(":{\"dtype\":\"").append(name_of(tensor.dtype)).append("\",\"shape\":");
    append_list(tensor.shape);
    text += ",\"data_offsets\":";
    append_list(std::array{tensor.begin, tensor.end});
    text += "},";
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::uint64_t const header_bytes = text.size() - SafetensorsHeader::length_bytes;
  for (std::size_t i = 0; i < SafetensorsHeader::length_bytes; ++i) {
    text[i] = static_cast<char>(header_bytes >> (8 * i) & 0xFF);
  }
  return text;
}

ACCRETE_END_NAMESPACE
