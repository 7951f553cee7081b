/// A file of tokens, read place by place.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/data/token_shard_format.hpp>
#include <accrete/data/token_source.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/text/little_endian.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Keeps the file open and reads with pread what is asked for, so that shards may be larger than
/// memory. The format is in token_shard_format.hpp, the writer in token_shard_writer.hpp.
///
/// Everything is checked where it is read: FileError(path, offset, reason) for a foreign, newer or
/// truncated file, and for an id that is not below V.
class TokenShard final : public TokenSource {
 public:
  explicit TokenShard(std::filesystem::path const& path);

  [[nodiscard]] Index size() const override { return size_; }
  [[nodiscard]] Index vocabulary_size() const { return vocabulary_size_; }  // V
  [[nodiscard]] std::string const& fingerprint() const { return fingerprint_; }

 private:
  void read_header();
  void check_padding() const;
  void read_checked(Index begin, std::span<TokenId> out) const override;
  [[noreturn]] void refuse(std::uint64_t offset, std::string_view reason) const {
    throw FileError(file_.path().string(), offset, reason);
  }

  File file_;
  Index vocabulary_size_ = 0;
  std::string fingerprint_;
  std::uint64_t ids_offset_ = 0;
  std::size_t id_bytes_ = 0;
  Index size_ = 0;
};

/// Shards as Batches takes them.
[[nodiscard]] inline std::vector<std::shared_ptr<TokenSource const>> open_token_shards(
    std::span<std::filesystem::path const> paths) {
  std::vector<std::shared_ptr<TokenSource const>> shards;
  for (std::filesystem::path const& path : paths)
    shards.push_back(std::make_shared<TokenShard>(path));
  return shards;
}

// -------------------------------------------------------------------------------------------------

inline TokenShard::TokenShard(std::filesystem::path const& path)
    : file_(File::open_for_reading(path)) {
  using Format = detail::TokenShardFormat;
  std::uint64_t const file_bytes = file_.size();
  if (file_bytes < Format::header_bytes + Format::count_bytes) {
    refuse(file_bytes, "the file ends before a token shard could");
  }
  read_header();
  if (file_bytes < ids_offset_ + Format::count_bytes)
    refuse(file_bytes, "the file ends inside its header");
  check_padding();

  std::uint64_t const count_offset = file_bytes - Format::count_bytes;
  std::array<std::byte, Format::count_bytes> count_bytes;
  file_.read(count_offset, count_bytes);
  auto const count = detail::load_little_endian<std::uint64_t>(count_bytes.data());
  std::uint64_t const data_bytes = count_offset - ids_offset_;
  if (data_bytes % id_bytes_ != 0 || data_bytes / id_bytes_ != count) {
    refuse(count_offset,
           message("expected the number of ids in ", data_bytes, " bytes, got ", count));
  }
  size_ = static_cast<Index>(count);
}

inline void TokenShard::read_header() {
  using Format = detail::TokenShardFormat;
  std::array<std::byte, Format::header_bytes> header;
  file_.read(0, header);
  if (!std::equal(Format::magic.begin(), Format::magic.end(), header.begin(),
                  [](char a, std::byte b) { return static_cast<std::byte>(a) == b; })) {
    refuse(0, "not a token shard");
  }
  auto const version = detail::load_little_endian<std::uint32_t>(&header[8]);
  if (version != Format::version) {
    refuse(8, message("expected format version ", Format::version, ", got ", version,
                      advice_on_version(static_cast<Index>(version), Index{Format::version})));
  }
  auto const vocabulary_size = detail::load_little_endian<std::uint64_t>(&header[16]);
  if (vocabulary_size < 1 || std::cmp_greater(vocabulary_size, Format::max_vocabulary_size)) {
    refuse(16, message("expected a vocabulary of 1 to 2^31 tokens, got ", vocabulary_size));
  }
  vocabulary_size_ = static_cast<Index>(vocabulary_size);
  id_bytes_ = Format::id_bytes(vocabulary_size_);
  auto const id_bytes = detail::load_little_endian<std::uint32_t>(&header[12]);
  if (id_bytes != id_bytes_)
    refuse(12, message("expected ", id_bytes_, " bytes per id, got ", id_bytes));
  auto const fingerprint_bytes = detail::load_little_endian<std::uint32_t>(&header[24]);
  if (fingerprint_bytes > Format::max_fingerprint_bytes) {
    refuse(24, message("expected a fingerprint of at most ", Format::max_fingerprint_bytes,
                       " bytes, got ", fingerprint_bytes));
  }
  if (detail::load_little_endian<std::uint32_t>(&header[28]) != 0) refuse(28, "expected zeros");
  fingerprint_.resize(fingerprint_bytes);
  file_.read(Format::header_bytes, std::as_writable_bytes(std::span(fingerprint_)));
  if (!is_valid_utf8(fingerprint_)) refuse(Format::header_bytes, "expected a fingerprint in UTF-8");
  ids_offset_ = Format::ids_offset(fingerprint_bytes);
}

/// Between the fingerprint and the ids.
inline void TokenShard::check_padding() const {
  std::uint64_t const begin = detail::TokenShardFormat::header_bytes + fingerprint_.size();
  std::array<std::byte, 8> padding{};
  auto const bytes = std::span(padding).first(static_cast<std::size_t>(ids_offset_ - begin));
  file_.read(begin, bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != std::byte{0}) refuse(begin + i, "expected zeros up to a multiple of 8");
}

inline void TokenShard::read_checked(Index begin, std::span<TokenId> out) const {
  std::array<std::byte, 8192> buffer;
  std::uint64_t offset = ids_offset_ + static_cast<std::uint64_t>(begin) * id_bytes_;
  while (!out.empty()) {
    std::size_t const count = std::min(out.size(), buffer.size() / id_bytes_);
    file_.read(offset, std::span(buffer).first(count * id_bytes_));
    for (std::size_t i = 0; i < count; ++i, offset += id_bytes_) {
      std::byte const* const bytes = &buffer[i * id_bytes_];
      std::uint32_t const id = id_bytes_ == 2 ? detail::load_little_endian<std::uint16_t>(bytes)
                                              : detail::load_little_endian<std::uint32_t>(bytes);
      if (id >= vocabulary_size_)
        refuse(offset, message("expected a token id below ", vocabulary_size_, ", got ", id));
      out[i] = static_cast<TokenId>(id);
    }
    out = out.subspan(count);
  }
}

ACCRETE_END_NAMESPACE
