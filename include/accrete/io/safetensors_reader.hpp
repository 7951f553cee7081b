/// Reads tensors from a safetensors file.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/io/safetensors_header.hpp>
#include <accrete/io/safetensors_header_parser.hpp>
#include <accrete/io/tensor_conversion.hpp>
#include <accrete/io/tensor_info.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Checks the whole header when it opens the file, and reads tensors when they are asked for, into memory of the
/// caller. Several threads may read at once. The file is not mapped: one that is cut meanwhile is a FileError.
///
/// Every error is a FileError with the path, and with the offset where there is one.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(std::filesystem::path const& path);

  [[nodiscard]] std::filesystem::path const& path() const { return file_.path(); }
  [[nodiscard]] std::map<std::string, std::string> const& metadata() const {
    return header_.metadata;
  }

  /// In the order of their bytes in the file.
  [[nodiscard]] std::vector<TensorInfo> const& tensors() const { return header_.tensors; }

  /// nullptr, or a FileError that names it, if there is no such tensor.
  [[nodiscard]] TensorInfo const* find(std::string_view name) const { return header_.find(name); }
  [[nodiscard]] TensorInfo const& at(std::string_view name) const;

  /// All bytes of the tensor; `out` is as long as it is.
  void read(TensorInfo const& tensor, std::span<std::byte> out) const;

  /// The bytes of the tensor from `first_byte` on, as many as `out` takes.
  void read_part(TensorInfo const& tensor, std::uint64_t first_byte,
                 std::span<std::byte> out) const;

  /// All elements as T: exact, or rounded once (tensor_conversion.hpp). `out` has one place for each.
  template <class T>
  void read_as(TensorInfo const& tensor, std::span<T> out) const;

  template <class T>
  [[nodiscard]] std::vector<T> read_vector(std::string_view name) const;

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 16;

  [[nodiscard]] SafetensorsHeader read_header();
  [[nodiscard]] std::uint64_t offset_in_file(TensorInfo const& tensor) const {
    return data_begin_ + tensor.begin;
  }
  [[noreturn]] void fail(TensorInfo const& tensor, std::string_view reason) const {
    throw FileError(path().string(), offset_in_file(tensor),
                    message("tensor ", detail::excerpt(tensor.name), " ", reason));
  }

  File file_;
  std::uint64_t data_begin_ = 0;
  SafetensorsHeader header_;
};

inline SafetensorsReader::SafetensorsReader(std::filesystem::path const& path)
    : file_(File::open_for_reading(path)), header_(read_header()) {}

inline SafetensorsHeader SafetensorsReader::read_header() {
  constexpr std::uint64_t length_bytes = SafetensorsHeader::length_bytes;
  constexpr SafetensorsLimits limits{};
  std::uint64_t const file_bytes = file_.size();
  std::string const name = path().string();
  if (file_bytes == 0) throw FileError(name, "is empty, not a safetensors file");
  if (file_bytes < length_bytes) {
    throw FileError(name, file_bytes, "the file ends inside the length of its header");
  }
  std::array<std::byte, length_bytes> length{};
  file_.read(0, length);
  std::uint64_t const header_bytes = std::bit_cast<std::uint64_t>(length);
  if (header_bytes > limits.header_bytes) {
    throw FileError(name, 0,
                    message("a header of ", header_bytes, " bytes; at most ", limits.header_bytes,
                            " are allowed, or this is no safetensors file"));
  }
  if (header_bytes > file_bytes - length_bytes) {
    throw FileError(name, file_bytes,
                    message("the file ends inside its header of ", header_bytes, " bytes"));
  }
  data_begin_ = length_bytes + header_bytes;
  std::string text(header_bytes, '\0');
  file_.read(length_bytes, std::as_writable_bytes(std::span(text)));
  return parse_safetensors_header(text, name, file_bytes - data_begin_);
}

inline TensorInfo const& SafetensorsReader::at(std::string_view name) const {
  if (TensorInfo const* const tensor = find(name)) return *tensor;
  throw FileError(path().string(), message("has no tensor ", detail::excerpt(name)));
}

inline void SafetensorsReader::read(TensorInfo const& tensor, std::span<std::byte> out) const {
  if (out.size() != tensor.byte_count()) {
    fail(tensor, message("has ", tensor.byte_count(), " bytes, expected ", out.size()));
  }
  read_part(tensor, 0, out);
}

inline void SafetensorsReader::read_part(TensorInfo const& tensor, std::uint64_t first_byte,
                                         std::span<std::byte> out) const {
  if (first_byte > tensor.byte_count() || out.size() > tensor.byte_count() - first_byte) {
    fail(tensor, message("has ", tensor.byte_count(), " bytes, expected ", out.size(),
                         " more from byte ", first_byte));
  }
  file_.read(offset_in_file(tensor) + first_byte, out);
}

template <class T>
void SafetensorsReader::read_as(TensorInfo const& tensor, std::span<T> out) const {
  if (out.size() != tensor.element_count()) {
    fail(tensor, message("has ", tensor.element_count(), " elements, expected ", out.size()));
  }
  if (!converts_to<T>(tensor.dtype)) {
    fail(tensor,
         message("is ", name_of(tensor.dtype), ", which does not convert to what is expected"));
  }
  if constexpr (HasDType<T>) {
    if (tensor.dtype == dtype_of<T>() && tensor.dtype != DType::boolean) {
      return read(tensor, std::as_writable_bytes(out));
    }
  }
  auto const element_bytes = static_cast<std::size_t>(size_of(tensor.dtype));
  std::array<std::byte, chunk_bytes> chunk;
  for (std::size_t done = 0; done < out.size();) {
    std::size_t const count = std::min(out.size() - done, chunk_bytes / element_bytes);
    auto const bytes = std::span(chunk).first(count * element_bytes);
    read_part(tensor, done * element_bytes, bytes);
    std::size_t const converted = convert_elements(tensor.dtype, bytes, out.subspan(done, count));
    done += converted;
    if (converted < count) {
      throw FileError(path().string(), offset_in_file(tensor) + done * element_bytes,
                      message("element ", done, " of tensor ", detail::excerpt(tensor.name),
                              " has a value outside the type that is expected"));
    }
  }
}

template <class T>
std::vector<T> SafetensorsReader::read_vector(std::string_view name) const {
  TensorInfo const& tensor = at(name);
  std::vector<T> values(tensor.element_count());
  read_as(tensor, std::span(values));
  return values;
}

ACCRETE_END_NAMESPACE
