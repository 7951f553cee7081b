/// What a file says of itself.
#pragma once

#include <accrete/io/json.hpp>
#include <accrete/io/safetensors.hpp>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "arguments.hpp"

[[nodiscard]] inline accrete::SafetensorsReader open(std::string const& file, bool verify) {
  return accrete::SafetensorsReader(file, verify ? accrete::Verify::yes : accrete::Verify::no);
}

/// Entries of the metadata that hold JSON become JSON; the others are strings.
[[nodiscard]] inline accrete::Json metadata_of(accrete::SafetensorsReader const& file) {
  accrete::Json result = accrete::Json::object();
  for (auto const& [key, value] : file.metadata()) {
    accrete::Json entry(value);
    if (value.starts_with('{') || value.starts_with('[')) {
      try {
        entry = accrete::Json::parse(value, key);
      } catch (accrete::FileError const&) {  // text that only begins like JSON
      }
    }
    result[key] = std::move(entry);
  }
  return result;
}

/// Text of a stranger's file for a terminal: control characters as \xNN.
[[nodiscard]] inline std::string printable(std::string_view text) {
  std::string result;
  for (char const c : text) {
    auto const code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7F) {
      constexpr std::string_view digits = "0123456789abcdef";
      result += {'\\', 'x', digits[code / 16], digits[code % 16]};
    } else {
      result += c;
    }
  }
  return result;
}

[[nodiscard]] inline std::string shape_of(accrete::TensorInfo const& tensor) {
  std::string text = "(";
  for (accrete::Index const extent : tensor.shape)
    text += (text.size() > 1 ? "," : "") + std::to_string(extent);
  return text + ")";
}

/// "parameter", "first_moment" or "second_moment" in checkpoints; empty for other tensors.
[[nodiscard]] inline std::string_view role_of(accrete::TensorInfo const& tensor) {
  for (std::string_view const role : {"parameter", "first_moment", "second_moment"})
    if (tensor.name.starts_with(role) && tensor.name.substr(role.size()).starts_with('.'))
      return role;
  return {};
}

struct TensorCount {
  std::size_t tensors = 0;
  std::uint64_t elements = 0, bytes = 0;
};

[[nodiscard]] inline TensorCount count(accrete::SafetensorsReader const& file,
                                       std::string_view role) {
  TensorCount result;
  for (accrete::TensorInfo const& tensor : file.tensors()) {
    if (role_of(tensor) != role) continue;
    ++result.tensors;
    result.elements += tensor.element_count();
    result.bytes += tensor.byte_count();
  }
  return result;
}

[[nodiscard]] inline accrete::Json to_json(TensorCount const& count) {
  return accrete::Json::object(
      {{"tensors", count.tensors}, {"elements", count.elements}, {"bytes", count.bytes}});
}

[[nodiscard]] inline accrete::Json contents_of(accrete::SafetensorsReader const& file) {
  accrete::Json result = accrete::Json::object({{"file", file.path().string()},
                                                {"hashes", file.has_hashes()},
                                                {"metadata", metadata_of(file)}});
  for (auto const& [name, role] : {std::pair{"parameters", "parameter"},
                                   {"first_moments", "first_moment"},
                                   {"second_moments", "second_moment"},
                                   {"other_tensors", ""}})
    if (TensorCount const found = count(file, role); found.tensors > 0)
      result[name] = to_json(found);
  return result;
}
