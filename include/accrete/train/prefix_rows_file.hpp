/// Outputs of a frozen prefix in a file, for data that outgrows memory and for runs that are started again.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include <accrete/io/file.hpp>
#include <accrete/io/folder_names.hpp>
#include <accrete/train/prefix_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Rows in the file `prefix-<key>.rows` of a folder, at most `byte_limit` in all. `key` names all that rows depend on
/// besides tokens; the files of other keys are removed, so that a folder serves one run.
///
/// Layout: 64 bytes of header (16 of magic and version, T and the bytes of a row as little-endian 64-bit numbers, zeros),
/// then records: a checksum (8 bytes), T tokens, the row, zeros up to a multiple of 8. A record that a crash left
/// unfinished or that the disk has changed does not match its checksum and counts as not there.
class PrefixRowsInFile final : public PrefixRows {
 public:
  /// Throws FileError for a folder or file that cannot be used.
  PrefixRowsInFile(std::filesystem::path const& folder, std::string const& key, Index time,
                   Index row_bytes, Index byte_limit);

  [[nodiscard]] bool find(std::span<TokenId const> tokens, std::span<std::byte> row) override;
  void insert(std::span<TokenId const> tokens, std::span<std::byte const> row) override;

 private:
  static constexpr std::size_t header_bytes = 64, checksum_bytes = 8;
  static constexpr std::string_view magic = "accrete prefix 1";

  [[nodiscard]] std::array<std::byte, header_bytes> header(Index time, Index row_bytes) const;
  void remove_others(std::filesystem::path const& folder, std::filesystem::path const& own) const;
  void read_index();
  [[nodiscard]] std::uint64_t offset(Index place) const {
    return header_bytes + static_cast<std::uint64_t>(place) * record_.size();
  }
  [[nodiscard]] std::span<std::byte> tokens_of_record() {
    return std::span(record_).subspan(checksum_bytes, token_bytes_);
  }
  [[nodiscard]] std::span<std::byte> row_of_record() {
    return std::span(record_).subspan(checksum_bytes + token_bytes_, row_bytes_);
  }
  [[nodiscard]] std::uint64_t checksum_of_record() const;

  PrefixIndex index_;
  std::size_t token_bytes_, row_bytes_, most_rows_;
  std::vector<std::byte> record_;
  std::optional<File> reader_, writer_;
};

inline PrefixRowsInFile::PrefixRowsInFile(std::filesystem::path const& folder,
                                          std::string const& key, Index time, Index row_bytes,
                                          Index byte_limit)
    : index_(static_cast<std::size_t>(time)),
      token_bytes_(static_cast<std::size_t>(time) * sizeof(TokenId)),
      row_bytes_(static_cast<std::size_t>(row_bytes)),
      record_((checksum_bytes + token_bytes_ + row_bytes_ + 7) / 8 * 8) {
  most_rows_ = (static_cast<std::size_t>(byte_limit) -
                std::min<std::size_t>(static_cast<std::size_t>(byte_limit), header_bytes)) /
               record_.size();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  auto const path = folder / ("prefix-" + key + ".rows");
  remove_others(folder, path);
  auto const expected = header(time, row_bytes);
  if (auto created = File::create(path, path)) {
    created->write(0, expected);
  } else {
    std::array<std::byte, header_bytes> found{};
    auto const count = File::open_for_reading(path).read_some(0, found);
    if (count != 0 && found != expected)
      throw FileError(path.string(), 0, "is no file of prefixes as this run needs it; remove it");
    if (count == 0) File::open_for_writing(path).write(0, expected);
  }
  if (std::filesystem::file_size(path, error) > offset(static_cast<Index>(most_rows_)))
    std::filesystem::resize_file(path, offset(static_cast<Index>(most_rows_)), error);
  reader_ = File::open_for_reading(path);
  writer_ = File::open_for_writing(path);
  read_index();
}

inline auto PrefixRowsInFile::header(Index time, Index row_bytes) const
    -> std::array<std::byte, header_bytes> {
  std::array<std::byte, header_bytes> bytes{};
  std::memcpy(bytes.data(), magic.data(), magic.size());
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[16 + i] = static_cast<std::byte>(time >> (8 * i));
    bytes[24 + i] = static_cast<std::byte>(row_bytes >> (8 * i));
  }
  return bytes;
}

inline void PrefixRowsInFile::remove_others(std::filesystem::path const& folder,
                                            std::filesystem::path const& own) const {
  std::vector<std::filesystem::path> others;
  static_cast<void>(for_each_name_in(folder, [&](std::string_view name) {
    if (name.starts_with("prefix-") && name.ends_with(".rows") && name != own.filename())
      others.push_back(folder / name);
  }));
  std::error_code ignored;
  for (auto const& other : others) std::filesystem::remove(other, ignored);
}

inline void PrefixRowsInFile::read_index() {
  std::uint64_t const bytes = reader_->size();
  std::uint64_t const records = bytes < header_bytes ? 0 : (bytes - header_bytes) / record_.size();
  std::vector<TokenId> tokens(token_bytes_ / sizeof(TokenId));
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(records, most_rows_); ++i) {
    reader_->read(offset(static_cast<Index>(i)) + checksum_bytes,
                  std::as_writable_bytes(std::span(tokens)));
    index_.add(tokens);
  }
}

/// A multiplicative hash of 64-bit words: against accidents, not against forgery.
inline std::uint64_t PrefixRowsInFile::checksum_of_record() const {
  std::uint64_t sum = 0x9e3779b97f4a7c15;
  for (std::size_t i = checksum_bytes; i < record_.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, record_.data() + i, 8);
    sum = (sum ^ word) * 0xff51afd7ed558ccd;
    sum ^= sum >> 29;
  }
  return sum;
}

inline bool PrefixRowsInFile::find(std::span<TokenId const> tokens, std::span<std::byte> row) {
  Index const place = index_.find(tokens);
  if (place < 0) return false;
  if (reader_->read_some(offset(place), record_) != record_.size()) return false;
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, record_.data(), checksum_bytes);
  if (checksum != checksum_of_record()) return false;
  // Another program with the same file may have put other tokens here.
  if (!std::ranges::equal(std::as_bytes(tokens), tokens_of_record())) return false;
  std::ranges::copy(row_of_record(), row.begin());
  return true;
}

inline void PrefixRowsInFile::insert(std::span<TokenId const> tokens,
                                     std::span<std::byte const> row) {
  Index place = index_.find(tokens);  // a record that did not match is written anew
  if (place < 0 && index_.size() == most_rows_) return;
  std::ranges::fill(record_, std::byte{});
  std::ranges::copy(std::as_bytes(tokens), tokens_of_record().begin());
  std::ranges::copy(row, row_of_record().begin());
  std::uint64_t const checksum = checksum_of_record();
  std::memcpy(record_.data(), &checksum, checksum_bytes);
  if (place < 0) place = static_cast<Index>(index_.size());
  writer_->write(offset(place), record_);
  if (place == static_cast<Index>(index_.size())) index_.add(tokens);
}

ACCRETE_END_NAMESPACE
