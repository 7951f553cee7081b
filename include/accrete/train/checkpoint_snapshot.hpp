/// A checkpoint in memory, to be written while training goes on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/io/safetensors_writer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a CheckpointWriter saw when it was made (CheckpointWriter::snapshot). It refers to no model or trainer, so that
/// any thread can save it. It takes as many bytes as the file's tensors.
class CheckpointSnapshot {
 public:
  CheckpointSnapshot() = default;
  /// For so many bytes of tensors, in the memory of `old`.
  CheckpointSnapshot(std::map<std::string, std::string> metadata, std::size_t bytes,
                     CheckpointSnapshot old)
      : metadata_(std::move(metadata)), bytes_(std::move(old.bytes_)) {
    bytes_.clear();
    bytes_.reserve(bytes);
  }

  /// Copies a tensor.
  template <std::ranges::contiguous_range Elements>
  void add(std::string name, std::vector<Index> shape, Elements const& elements) {
    auto const bytes = std::as_bytes(std::span(elements));
    tensors_.push_back({.name = std::move(name),
                        .dtype = dtype_of<std::ranges::range_value_t<Elements>>(),
                        .shape = std::move(shape),
                        .begin = bytes_.size(),
                        .end = bytes_.size() + bytes.size()});
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }

  [[nodiscard]] std::size_t size_in_bytes() const { return bytes_.size(); }

  /// Writes the file, whole or not at all. Throws FileError.
  void save(std::filesystem::path const& path) const {
    SafetensorsWriter file;
    file.set_metadata(metadata_);
    for (TensorInfo const& tensor : tensors_) file.declare(tensor.name, tensor.dtype, tensor.shape);
    file.add_hashes();
    file.open(path);
    for (TensorInfo const& tensor : tensors_)
      file.write(tensor.name, std::span<std::byte const>(bytes_).subspan(
                                  static_cast<std::size_t>(tensor.begin),
                                  static_cast<std::size_t>(tensor.byte_count())));
    file.commit();
  }

 private:
  std::map<std::string, std::string> metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::byte> bytes_;
};

ACCRETE_END_NAMESPACE
