/// Writes token shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/data/token_shard_format.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/text/little_endian.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A new shard in the place of `target`, or no change at all: the file appears with commit().
/// Memory does not grow with the number of tokens.
class TokenShardWriter {
 public:
  /// `fingerprint` (UTF-8, at most 256 bytes, perhaps none) names the vocabulary or substrate, for
  /// those who compare. ValueError for it or for a vocabulary size that ids cannot have; FileError
  /// as from AtomicFile, here and below.
  TokenShardWriter(std::filesystem::path target, Index vocabulary_size,
                   std::string_view fingerprint = "");

  /// ValueError, and nothing is written, if an id is not below V.
  void append(std::span<TokenId const> ids);

  [[nodiscard]] Index size() const { return size_; }
  void commit();

 private:
  AtomicFile file_;
  Index vocabulary_size_;
  Index size_ = 0;
};

inline TokenShardWriter::TokenShardWriter(std::filesystem::path target, Index vocabulary_size,
                                          std::string_view fingerprint)
    : file_(std::move(target)), vocabulary_size_(vocabulary_size) {
  using Format = detail::TokenShardFormat;
  if (vocabulary_size < 1 || vocabulary_size > Format::max_vocabulary_size) {
    throw ValueError(
        message("token shard: expected a vocabulary of 1 to 2^31 tokens, got ", vocabulary_size));
  }
  if (fingerprint.size() > Format::max_fingerprint_bytes || !is_valid_utf8(fingerprint)) {
    throw ValueError(message("token shard: expected a fingerprint of at most ",
                             Format::max_fingerprint_bytes, " bytes of UTF-8, got ",
                             fingerprint.size(), " bytes"));
  }
  std::string header(Format::magic);
  detail::append_little_endian(header, Format::version);
  detail::append_little_endian(header,
                               static_cast<std::uint32_t>(Format::id_bytes(vocabulary_size)));
  detail::append_little_endian(header, static_cast<std::uint64_t>(vocabulary_size));
  detail::append_little_endian(header, static_cast<std::uint32_t>(fingerprint.size()));
  detail::append_little_endian(header, std::uint32_t{0});
  header += fingerprint;
  header.resize(Format::ids_offset(fingerprint.size()));
  file_.write(header);
}

inline void TokenShardWriter::append(std::span<TokenId const> ids) {
  for (TokenId const id : ids) {
    if (id < 0 || id >= vocabulary_size_) {
      throw ValueError(message("token shard: expected ids below ", vocabulary_size_, ", got ", id));
    }
  }
  bool const narrow = detail::TokenShardFormat::id_bytes(vocabulary_size_) == 2;
  std::string bytes;
  for (TokenId const id : ids) {
    if (narrow) {
      detail::append_little_endian(bytes, static_cast<std::uint16_t>(id));
    } else {
      detail::append_little_endian(bytes, static_cast<std::uint32_t>(id));
    }
  }
  file_.write(bytes);
  size_ += static_cast<Index>(ids.size());
}

inline void TokenShardWriter::commit() {
  std::string count;
  detail::append_little_endian(count, static_cast<std::uint64_t>(size_));
  file_.write(count);
  file_.commit();
}

ACCRETE_END_NAMESPACE
