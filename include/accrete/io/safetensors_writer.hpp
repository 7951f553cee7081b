/// Writes tensors to a safetensors file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/io/dtype.hpp>
#include <accrete/io/free_space.hpp>
#include <accrete/io/json_string.hpp>
#include <accrete/io/safetensors_hashes.hpp>
#include <accrete/io/safetensors_header.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/io/tensor_info.hpp>
#include <accrete/io/utf8_check.hpp>

ACCRETE_BEGIN_NAMESPACE

/// First all tensors are declared, then the file is opened, then bytes follow in the declared order:
///
///     SafetensorsWriter writer;
///     writer.declare("weight", DType::f32, {2, 3});
///     writer.open("model.safetensors");
///     writer.write("weight", weight);
///     writer.commit();
///
/// The data section begins at a multiple of 8 bytes; tensors follow each other without padding, so that each is
/// aligned if wider elements are declared first. The file appears under its name with `commit`, whole and
/// durable, or not at all (AtomicFile). Wrong use is a ValueError.
class SafetensorsWriter {
 public:
  /// A new tensor after the others. Its name is UTF-8 and not "__metadata__".
  void declare(std::string name, DType dtype, std::vector<Index> shape);

  /// What describes the file as a whole; UTF-8.
  void set_metadata(std::map<std::string, std::string> metadata);

  /// The file will say the SHA-256 of its header and of each tensor (SafetensorsHashes), by which a reader finds any bit
  /// that has changed.
  void add_hashes();

  /// What was declared.
  [[nodiscard]] std::vector<TensorInfo> const& tensors() const { return tensors_; }

  /// Throws FileError where the file system has no room for the whole file, ValueError where two tensors have one name.
  void open(std::filesystem::path const& path);

  /// The next bytes of a tensor, which may come in several calls.
  void write(std::string_view name, std::span<std::byte const> bytes);

  /// The same for a vector, array or span of elements that are of the declared type.
  template <std::ranges::contiguous_range Elements>
  requires HasDType<std::ranges::range_value_t<Elements>>
  void write(std::string_view name, Elements const& elements);

  /// All tensors are complete.
  void commit();

 private:
  /// Passes over complete tensors up to the one of this name; all tensors without one.
  void advance_to(std::optional<std::string_view> name);
  void require_before_open(std::string_view call) const;
  void require_different_names() const;
  [[noreturn]] static void fail(std::string_view name, std::string_view reason) {
    throw ValueError(message("SafetensorsWriter: tensor ", detail::excerpt(name), " ", reason));
  }

  static constexpr SafetensorsLimits limits{};

  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  bool has_hashes_ = false;
  std::string header_;                   // what is in the file, if it will have hashes
  std::vector<Sha256::Digest> digests_;  // of the tensors before the current one
  Sha256 hash_;                          // of what came of the current one
  std::optional<AtomicFile> file_;
  std::size_t current_ = 0;    // the tensor whose bytes come next
  std::uint64_t written_ = 0;  // its bytes so far
};

inline void SafetensorsWriter::require_before_open(std::string_view call) const {
  if (file_) throw ValueError(message("SafetensorsWriter: ", call, " after open"));
}

inline void SafetensorsWriter::declare(std::string name, DType dtype, std::vector<Index> shape) {
  require_before_open("declare");
  if (name == "__metadata__") fail(name, "has a name that the format keeps for itself");
  if (detail::well_formed_utf8_prefix(name) != name.size())
    fail(name, "has a name that is not UTF-8");
  if (shape.size() > limits.rank) fail(name, message("has a rank above ", limits.rank));
  if (tensors_.size() == limits.tensors) fail(name, message("is one more than ", limits.tensors));
  std::uint64_t const begin = tensors_.empty() ? 0 : tensors_.back().end;
  std::optional<std::uint64_t> const bytes = checked_byte_count(dtype, shape);
  if (!bytes || !std::in_range<Index>(begin + *bytes)) fail(name, "has a size that cannot be");
  tensors_.push_back({std::move(name), dtype, std::move(shape), begin, begin + *bytes});
}

inline void SafetensorsWriter::set_metadata(std::map<std::string, std::string> metadata) {
  require_before_open("set_metadata");
  for (auto const& [key, value] : metadata) {
    if (key == SafetensorsHashes::metadata_key) {
      throw ValueError(message("SafetensorsWriter: metadata ", key, " is written by add_hashes"));
    }
    if (detail::well_formed_utf8_prefix(key) != key.size() ||
        detail::well_formed_utf8_prefix(value) != value.size()) {
      throw ValueError(
          message("SafetensorsWriter: metadata ", detail::excerpt(key), " is not UTF-8"));
    }
  }
  metadata_ = std::move(metadata);
}

inline void SafetensorsWriter::add_hashes() {
  require_before_open("add_hashes");
  has_hashes_ = true;
}

inline void SafetensorsWriter::require_different_names() const {
  std::vector<std::string_view> names;
  names.reserve(tensors_.size());
  for (TensorInfo const& tensor : tensors_) names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  auto const twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) fail(*twin, "is declared twice");
}

inline void SafetensorsWriter::open(std::filesystem::path const& path) {
  require_before_open("open");
  require_different_names();
  if (has_hashes_) {
    metadata_[std::string(SafetensorsHashes::metadata_key)] =
        SafetensorsHashes::placeholder(tensors_.size());
  }
  std::string header = format_safetensors_header(tensors_, metadata_);
  if (header.size() - SafetensorsHeader::length_bytes > limits.header_bytes ||
      metadata_.size() > limits.metadata_entries) {
    throw ValueError(message("SafetensorsWriter: a header of ", header.size(), " bytes and ",
                             metadata_.size(), " entries of metadata is above the limits"));
  }
  require_free_space(path, header.size() + (tensors_.empty() ? 0 : tensors_.back().end));
  file_.emplace(path);
  file_->write(header);
  if (!has_hashes_) return;
  header_ = std::move(header);
  digests_.reserve(tensors_.size());
}

inline void SafetensorsWriter::advance_to(std::optional<std::string_view> name) {
  if (!file_) throw ValueError("SafetensorsWriter: write or commit before open");
  while (current_ < tensors_.size() && tensors_[current_].name != name) {
    TensorInfo const& tensor = tensors_[current_];
    if (written_ != tensor.byte_count()) {
      fail(tensor.name, message("has got ", written_, " of ", tensor.byte_count(), " bytes"));
    }
    ++current_;
    written_ = 0;
    if (has_hashes_) digests_.push_back(std::exchange(hash_, {}).digest());
  }
}

inline void SafetensorsWriter::write(std::string_view name, std::span<std::byte const> bytes) {
  advance_to(name);
  if (current_ == tensors_.size()) fail(name, "is not declared, or comes out of order");
  TensorInfo const& tensor = tensors_[current_];
  if (bytes.size() > tensor.byte_count() - written_) {
    fail(name, message("gets more than its ", tensor.byte_count(), " bytes"));
  }
  // Piece by piece: what is hashed is still in the processor's cache when it is written.
  constexpr std::size_t piece_bytes = std::size_t{1} << 18;
  for (auto rest = bytes; has_hashes_ && !rest.empty();) {
    auto const piece = rest.first(std::min(rest.size(), piece_bytes));
    hash_.update(piece);
    file_->write(piece);
    rest = rest.subspan(piece.size());
  }
  if (!has_hashes_) file_->write(bytes);
  written_ += bytes.size();
}

template <std::ranges::contiguous_range Elements>
requires HasDType<std::ranges::range_value_t<Elements>>
void SafetensorsWriter::write(std::string_view name, Elements const& elements) {
  constexpr DType dtype = dtype_of<std::ranges::range_value_t<Elements>>();
  advance_to(name);
  if (current_ < tensors_.size() && tensors_[current_].dtype != dtype) {
    fail(name, message("is declared as ", name_of(tensors_[current_].dtype), ", its elements are ",
                       name_of(dtype)));
  }
  write(name, std::as_bytes(std::span(elements)));
}

inline void SafetensorsWriter::commit() {
  advance_to(std::nullopt);
  if (has_hashes_) {
    std::size_t const at = SafetensorsHashes::find_value(header_).value();
    std::string const value = SafetensorsHashes::format(std::move(header_), at, digests_);
    file_->overwrite(at, std::as_bytes(std::span(value)));
    has_hashes_ = false;  // they are there
  }
  file_->commit();
}

ACCRETE_END_NAMESPACE
