/// The header of a safetensors file, from text that a stranger may have written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/io/safetensors_header.hpp>
#include <accrete/io/tensor_info.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Understands the header `text`, which stands behind the 8 bytes of its length and before `data_bytes` bytes
/// of tensors. Whatever is off is a FileError with the offset in the file.
[[nodiscard]] SafetensorsHeader parse_safetensors_header(std::string_view text, std::string source,
                                                         std::uint64_t data_bytes,
                                                         SafetensorsLimits const& limits = {});

namespace detail {

class SafetensorsHeaderParser {
 public:
  SafetensorsHeaderParser(std::string_view text, std::string source,
                          SafetensorsLimits const& limits)
      : text_(text), source_(std::move(source)), limits_(limits), json_(reader()) {}

  [[nodiscard]] SafetensorsHeader parse(std::uint64_t data_bytes);

 private:
  static constexpr std::string_view metadata_key = "__metadata__";

  [[nodiscard]] JsonReader reader() const {
    return JsonReader(text_, source_, JsonReader::default_max_depth,
                      SafetensorsHeader::length_bytes);
  }
  void read_metadata();
  void read_tensor(std::string name);
  [[nodiscard]] DType read_dtype();
  [[nodiscard]] std::vector<Index> read_shape();
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> read_data_offsets();

  void reserve_tensors();
  void sort_by_name();
  void check_layout(std::uint64_t data_bytes) const;
  [[noreturn]] void fail(TensorInfo const& tensor, std::string_view reason) const;

  std::string_view text_;
  std::string source_;
  SafetensorsLimits limits_;
  JsonReader json_;
  SafetensorsHeader header_;
};

inline SafetensorsHeader SafetensorsHeaderParser::parse(std::uint64_t data_bytes) {
  if (!text_.starts_with('{')) {
    json_.fail(SafetensorsHeader::length_bytes, "the header does not begin with '{'");
  }
  reserve_tensors();
  bool has_metadata = false;
  json_.begin_object();
  while (std::optional<std::string> key = json_.next_key()) {
    if (*key != metadata_key) {
      read_tensor(std::move(*key));
    } else if (!std::exchange(has_metadata, true)) {
      read_metadata();
    } else {
      json_.fail(json_.key_offset(), "__metadata__ stands twice");
    }
  }
  json_.end_of_text();

  auto const place = [](TensorInfo const& t) { return std::tie(t.begin, t.end, t.name); };
  if (!std::ranges::is_sorted(header_.tensors, {}, place)) {
    std::ranges::sort(header_.tensors, {}, place);
  }
  sort_by_name();
  check_layout(data_bytes);
  return std::move(header_);
}

/// Room for as many tensors as the text can hold, so that a vector which grows never holds them twice.
inline void SafetensorsHeaderParser::reserve_tensors() {
  constexpr std::string_view shortest = R"("":{"dtype":"F4","shape":[],"data_offsets":[0,0]},)";
  auto const braces = static_cast<std::size_t>(std::ranges::count(text_, '{'));
  header_.tensors.reserve(std::min({braces, text_.size() / shortest.size() + 1, limits_.tensors}));
}

inline void SafetensorsHeaderParser::read_metadata() {
  if (json_.peek() == JsonKind::null) return json_.read_null();
  json_.begin_object();
  while (std::optional<std::string> key = json_.next_key()) {
    if (header_.metadata.size() == limits_.metadata_entries) {
      json_.fail(json_.key_offset(),
                 message("more than ", limits_.metadata_entries, " entries of metadata"));
    }
    if (header_.metadata.contains(*key)) {
      json_.fail(json_.key_offset(), message("the metadata ", excerpt(*key), " stands twice"));
    }
    header_.metadata.emplace(std::move(*key), json_.read_string());
  }
}

inline void SafetensorsHeaderParser::read_tensor(std::string name) {
  std::uint64_t const begin = json_.key_offset();
  if (header_.tensors.size() == limits_.tensors) {
    json_.fail(begin, message("more than ", limits_.tensors, " tensors"));
  }
  std::optional<DType> dtype;
  std::optional<std::vector<Index>> shape;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> offsets;
  json_.begin_object();
  while (std::optional<std::string> const key = json_.next_key()) {
    auto const read_once = [&](auto& field, auto const& read) {
      if (field)
        json_.fail(json_.key_offset(), message(excerpt(*key), " stands twice in one tensor"));
      field = read();
    };
    if (*key == "dtype") {
      read_once(dtype, [&] { return read_dtype(); });
    } else if (*key == "shape") {
      read_once(shape, [&] { return read_shape(); });
    } else if (*key == "data_offsets") {
      read_once(offsets, [&] { return read_data_offsets(); });
    } else {
      json_.skip_value();
    }
  }
  if (!dtype || !shape || !offsets) {
    json_.fail(begin, message("tensor ", excerpt(name), " lacks its ",
                              !dtype   ? "dtype"
                              : !shape ? "shape"
                                       : "data_offsets"));
  }
  header_.tensors.push_back(
      {std::move(name), *dtype, std::move(*shape), offsets->first, offsets->second});
}

inline DType SafetensorsHeaderParser::read_dtype() {
  std::uint64_t const begin = json_.offset();
  std::string const name = json_.read_string();
  std::optional<DType> const dtype = dtype_named(name);
  if (!dtype) json_.fail(begin, message("unknown dtype ", excerpt(name)));
  return *dtype;
}

inline std::vector<Index> SafetensorsHeaderParser::read_shape() {
  std::vector<Index> shape;
  json_.begin_array();
  while (json_.next_element()) {
    std::uint64_t const begin = json_.offset();
    auto const extent = json_.read_integer<std::uint64_t>();
    if (!std::in_range<Index>(extent)) json_.fail(begin, message("an extent of ", extent));
    if (shape.size() == limits_.rank) {
      json_.fail(begin, message("a rank above ", limits_.rank));
    }
    shape.push_back(static_cast<Index>(extent));
  }
  return shape;
}

inline std::pair<std::uint64_t, std::uint64_t> SafetensorsHeaderParser::read_data_offsets() {
  std::uint64_t const at = json_.offset();
  auto const read_one = [&] {
    if (!json_.next_element()) json_.fail(at, "data_offsets holds less than two numbers");
    return json_.read_integer<std::uint64_t>();
  };
  json_.begin_array();
  std::uint64_t const begin = read_one();
  std::uint64_t const end = read_one();
  if (json_.next_element()) json_.fail(at, "data_offsets holds more than two numbers");
  return {begin, end};
}

inline void SafetensorsHeaderParser::sort_by_name() {
  std::vector<TensorInfo> const& tensors = header_.tensors;
  std::vector<std::uint32_t>& order = header_.by_name;
  auto const name_at = [&](std::uint32_t i) { return std::string_view(tensors[i].name); };
  order.resize(tensors.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::sort(order, {}, name_at);
  auto const twice = std::ranges::adjacent_find(order, {}, name_at);
  if (twice != order.end()) fail(tensors[*twice], "stands twice");
}

inline void SafetensorsHeaderParser::check_layout(std::uint64_t data_bytes) const {
  std::uint64_t end = 0;
  for (TensorInfo const& tensor : header_.tensors) {
    if (tensor.end < tensor.begin) fail(tensor, "ends before it begins");
    if (tensor.begin != end) {
      fail(tensor, message(tensor.begin < end ? "overlaps the tensor before it" : "leaves a gap",
                           ": its bytes begin at ", tensor.begin, ", expected ", end));
    }
    std::optional<std::uint64_t> const bytes = checked_byte_count(tensor.dtype, tensor.shape);
    if (!bytes) fail(tensor, "has a size that cannot be");
    if (*bytes != tensor.byte_count()) {
      fail(tensor, message("takes ", *bytes, " bytes by its shape, ", tensor.byte_count(),
                           " by its data_offsets"));
    }
    end = tensor.end;
  }
  if (end != data_bytes) {
    std::uint64_t const data_begin = SafetensorsHeader::length_bytes + text_.size();
    throw FileError(source_, data_begin + std::min(end, data_bytes),
                    message("the tensors take ", end, " bytes, the file holds ", data_bytes));
  }
}

/// Names the place where the tensor stands in the header; found by reading it once more, up to the last of
/// that name.
inline void SafetensorsHeaderParser::fail(TensorInfo const& tensor, std::string_view reason) const {
  std::uint64_t offset = 0;
  JsonReader json = reader();
  json.begin_object();
  while (std::optional<std::string> const key = json.next_key()) {
    if (*key == tensor.name) offset = json.key_offset();
    json.skip_value();
  }
  json.fail(offset, message("tensor ", excerpt(tensor.name), " ", reason));
}

}  // namespace detail

inline SafetensorsHeader parse_safetensors_header(std::string_view text, std::string source,
                                                  std::uint64_t data_bytes,
                                                  SafetensorsLimits const& limits) {
  return detail::SafetensorsHeaderParser(text, std::move(source), limits).parse(data_bytes);
}

ACCRETE_END_NAMESPACE
