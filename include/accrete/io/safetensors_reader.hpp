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
#include <accrete/io/safetensors_hashes.hpp>
#include <accrete/io/safetensors_header.hpp>
#include <accrete/io/safetensors_header_parser.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/io/tensor_conversion.hpp>
#include <accrete/io/tensor_info.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Checks the whole header when it opens the file, and reads tensors when they are asked for, into memory of the
/// caller. Several threads may read at once. The file is not mapped: one that is cut meanwhile is a FileError.
///
/// Where the file has hashes (SafetensorsHashes), the header is compared with its own when the file is opened, and a
/// tensor with its own while it is read as a whole. One that differs is a FileError after its bytes are in the caller's
/// memory; `verify` finds it before.
///
/// Every error is a FileError with the path, and with the offset where there is one.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(std::filesystem::path const& path, Verify verify = Verify::yes);

  [[nodiscard]] std::filesystem::path const& path() const { return file_.path(); }
  /// Without the hashes.
  [[nodiscard]] std::map<std::string, std::string> const& metadata() const {
    return header_.metadata;
  }

  /// In the order of their bytes in the file.
  [[nodiscard]] std::vector<TensorInfo> const& tensors() const { return header_.tensors; }

  /// nullptr, or a FileError that names it, if there is no such tensor.
  [[nodiscard]] TensorInfo const* find(std::string_view name) const { return header_.find(name); }
  [[nodiscard]] TensorInfo const& at(std::string_view name) const;

  [[nodiscard]] bool has_hashes() const { return has_hashes_; }
  /// Throws FileError for a file without hashes, unless it is read without verifying.
  void require_hashes() const;
  /// Reads all tensors that have hashes. Throws FileError for the first that differs from its own.
  void verify() const;
  /// What the file says of a tensor; nullptr if it says nothing.
  [[nodiscard]] Sha256::Digest const* stated_digest(TensorInfo const& tensor) const;
  /// SHA-256 of a tensor's bytes, which are read for it.
  [[nodiscard]] Sha256::Digest digest_of(TensorInfo const& tensor) const;

  /// All bytes of the tensor; `out` is as long as it is.
  void read(TensorInfo const& tensor, std::span<std::byte> out) const;

  /// The bytes of the tensor from `first_byte` on, as many as `out` takes; without comparing hashes.
  void read_part(TensorInfo const& tensor, std::uint64_t first_byte,
                 std::span<std::byte> out) const;

  /// All elements as T: exact, or rounded once (tensor_conversion.hpp). `out` has one place for each.
  template <class T>
  void read_as(TensorInfo const& tensor, std::span<T> out) const;

  template <class T>
  [[nodiscard]] std::vector<T> read_vector(std::string_view name) const;

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 16;
  /// Bytes are hashed while they are in the processor's cache.
  static constexpr std::size_t hashed_chunk_bytes = std::size_t{1} << 17;

  [[nodiscard]] SafetensorsHeader read_header();
  /// Takes the hashes out of the metadata, and compares the header with its own. `text` is spent.
  void take_hashes(SafetensorsHeader& header, std::span<std::byte const> length, std::string& text);
  [[nodiscard]] Sha256::Digest const* expected_digest(TensorInfo const& tensor) const {
    return verify_ == Verify::yes ? stated_digest(tensor) : nullptr;
  }
  void check_digest(TensorInfo const& tensor, Sha256 const& hash) const {
    if (hash.digest() != *stated_digest(tensor)) fail(tensor, message("does not have", damaged));
  }
  [[nodiscard]] std::uint64_t offset_in_file(TensorInfo const& tensor) const {
    return data_begin_ + tensor.begin;
  }
  [[noreturn]] void fail(TensorInfo const& tensor, std::string_view reason) const {
    throw FileError(path().string(), offset_in_file(tensor),
                    message("tensor ", detail::excerpt(tensor.name), " ", reason));
  }

  static constexpr std::string_view damaged =
      " the SHA-256 that was saved with it: the file was damaged, or another program changed it; "
      "take another copy or an older file, or read it as it is, unverified (Verify::no; "
      "--no-verify where a program has it)";

  File file_;
  Verify verify_;
  std::uint64_t data_begin_ = 0;
  bool has_hashes_ = false;
  std::vector<Sha256::Digest> digests_;  // of header_.tensors, or none
  SafetensorsHeader header_;             // the last: reading it sets the others
};

inline SafetensorsReader::SafetensorsReader(std::filesystem::path const& path, Verify verify)
    : file_(File::open_for_reading(path)), verify_(verify), header_(read_header()) {}

inline SafetensorsHeader SafetensorsReader::read_header() {
  constexpr SafetensorsLimits limits{};
  std::uint64_t const file_bytes = file_.size();
  std::string const name = path().string();
  if (file_bytes == 0) throw FileError(name, "is empty, not a safetensors file");
  if (file_bytes < SafetensorsHeader::length_bytes) {
    throw FileError(name, file_bytes, "the file ends inside the length of its header");
  }
  // (nvcc would name a local constant wherever else an array has its size.)
  std::array<std::byte, SafetensorsHeader::length_bytes> length{};
  file_.read(0, length);
  std::uint64_t const header_bytes = std::bit_cast<std::uint64_t>(length);
  if (header_bytes > limits.header_bytes) {
    throw FileError(name, 0,
                    message("a header of ", header_bytes, " bytes; at most ", limits.header_bytes,
                            " are allowed, or this is no safetensors file"));
  }
  if (header_bytes > file_bytes - SafetensorsHeader::length_bytes) {
    throw FileError(name, file_bytes,
                    message("the file ends inside its header of ", header_bytes, " bytes"));
  }
  data_begin_ = SafetensorsHeader::length_bytes + header_bytes;
  std::string text(header_bytes, '\0');
  file_.read(SafetensorsHeader::length_bytes, std::as_writable_bytes(std::span(text)));
  SafetensorsHeader header = parse_safetensors_header(text, name, file_bytes - data_begin_);
  take_hashes(header, length, text);
  return header;
}

inline void SafetensorsReader::take_hashes(SafetensorsHeader& header,
                                           std::span<std::byte const> length, std::string& text) {
  auto const entry = header.metadata.extract(std::string(SafetensorsHashes::metadata_key));
  if (entry.empty()) return;
  has_hashes_ = true;
  auto digests = SafetensorsHashes::parse(entry.mapped(), header.tensors.size());
  if (digests) digests_ = std::move(*digests);
  if (verify_ == Verify::no) return;
  if (!digests || !SafetensorsHashes::is_hash_of_header(entry.mapped(), length, text)) {
    throw FileError(path().string(), SafetensorsHeader::length_bytes,
                    message("the header does not have", damaged));
  }
}

inline void SafetensorsReader::require_hashes() const {
  if (has_hashes_ || verify_ == Verify::no) return;
  throw FileError(path().string(),
                  message("has lost the hashes of its tensors; it cannot have", damaged));
}

inline void SafetensorsReader::verify() const {
  for (TensorInfo const& tensor : tensors()) {
    Sha256::Digest const* const stated = stated_digest(tensor);
    if (stated != nullptr && digest_of(tensor) != *stated) {
      fail(tensor, message("does not have", damaged));
    }
  }
}

inline Sha256::Digest const* SafetensorsReader::stated_digest(TensorInfo const& tensor) const {
  if (digests_.empty()) return nullptr;
  TensorInfo const* const own = find(tensor.name);
  if (own == nullptr || own->begin != tensor.begin || own->end != tensor.end) return nullptr;
  return &digests_[static_cast<std::size_t>(own - tensors().data())];
}

inline Sha256::Digest SafetensorsReader::digest_of(TensorInfo const& tensor) const {
  std::vector<std::byte> chunk(std::min<std::uint64_t>(hashed_chunk_bytes, tensor.byte_count()));
  Sha256 hash;
  for (std::uint64_t done = 0; done < tensor.byte_count(); done += chunk.size()) {
    chunk.resize(std::min<std::uint64_t>(chunk.size(), tensor.byte_count() - done));
    read_part(tensor, done, chunk);
    hash.update(chunk);
  }
  return hash.digest();
}

inline TensorInfo const& SafetensorsReader::at(std::string_view name) const {
  if (TensorInfo const* const tensor = find(name)) return *tensor;
  throw FileError(path().string(), message("has no tensor ", detail::excerpt(name)));
}

inline void SafetensorsReader::read(TensorInfo const& tensor, std::span<std::byte> out) const {
  if (out.size() != tensor.byte_count()) {
    fail(tensor, message("has ", tensor.byte_count(), " bytes, expected ", out.size()));
  }
  if (expected_digest(tensor) == nullptr) return read_part(tensor, 0, out);
  Sha256 hash;
  for (std::size_t done = 0; done < out.size();) {
    auto const chunk = out.subspan(done, std::min(out.size() - done, hashed_chunk_bytes));
    read_part(tensor, done, chunk);
    hash.update(chunk);
    done += chunk.size();
  }
  check_digest(tensor, hash);
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
  bool const is_verified = expected_digest(tensor) != nullptr;
  Sha256 hash;
  for (std::size_t done = 0; done < out.size();) {
    std::size_t const count = std::min(out.size() - done, chunk_bytes / element_bytes);
    auto const bytes = std::span(chunk).first(count * element_bytes);
    read_part(tensor, done * element_bytes, bytes);
    if (is_verified) hash.update(bytes);
    std::size_t const converted = convert_elements(tensor.dtype, bytes, out.subspan(done, count));
    done += converted;
    if (converted < count) {
      throw FileError(path().string(), offset_in_file(tensor) + done * element_bytes,
                      message("element ", done, " of tensor ", detail::excerpt(tensor.name),
                              " has a value outside the type that is expected"));
    }
  }
  if (is_verified) check_digest(tensor, hash);
}

template <class T>
std::vector<T> SafetensorsReader::read_vector(std::string_view name) const {
  TensorInfo const& tensor = at(name);
  std::vector<T> values(tensor.element_count());
  read_as(tensor, std::span(values));
  return values;
}

ACCRETE_END_NAMESPACE
