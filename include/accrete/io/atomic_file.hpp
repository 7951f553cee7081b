/// Files that are either whole or absent: written under a temporary name, brought to the disk, then renamed.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/stale_files.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A new file in the place of `target`, or no change at all.
///
/// Bytes go to `.accrete-<process>-<number>.tmp` in the target's folder. `commit` makes them durable (fsync),
/// gives them the target's name (rename, which replaces an older file in one step) and makes the name durable
/// (fsync of the folder). Without a commit the destructor removes the temporary file; kill -9 or a power cut
/// may leave it, nothing reads it, and the next file that is written to the folder removes it.
///
/// Every failure is a FileError that names the target, removes the temporary file and leaves the target as it
/// was; only the sync of the folder can fail when the new file is already in place.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);
  AtomicFile(AtomicFile const&) = delete;
  AtomicFile& operator=(AtomicFile const&) = delete;
  ~AtomicFile() { discard(); }

  void write(std::span<std::byte const> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Puts other bytes in the place of some that were written.
  void overwrite(std::uint64_t offset, std::span<std::byte const> bytes);
  void commit();

  [[nodiscard]] std::filesystem::path const& target() const { return target_; }

 private:
  static constexpr std::size_t buffer_bytes = std::size_t{1} << 18;

  void create_temporary();
  void require_open() const;
  void append(std::span<std::byte const> bytes);
  void flush();
  void discard() noexcept;

  std::filesystem::path target_;
  std::filesystem::path folder_;
  std::filesystem::path temporary_;
  std::optional<File> file_;       // nothing after commit or a failure
  std::uint64_t written_ = 0;      // bytes in the file
  std::vector<std::byte> buffer_;  // bytes that come after them
};

/// `text` as the whole content of `target`, or no change at all.
inline void write_file_atomically(std::filesystem::path const& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

inline AtomicFile::AtomicFile(std::filesystem::path target)
    : target_(std::move(target)), folder_(target_.parent_path()) {
  std::error_code ignored;
  if (!target_.has_filename() || std::filesystem::is_directory(target_, ignored)) {
    throw FileError(target_.string(), "cannot write: this names a folder, not a file");
  }
  if (folder_.empty()) folder_ = ".";
  detail::remove_stale_temporaries(folder_);
  create_temporary();
}

inline void AtomicFile::create_temporary() {
  static std::atomic<std::uint64_t> next_number = 0;
  constexpr int most_attempts = 1000;
  for (int attempt = 0; attempt < most_attempts && !file_; ++attempt) {
    temporary_ = folder_ / detail::name_of_temporary(::getpid(), next_number++);
    file_ = File::create(temporary_, target_);
  }
  if (!file_)
    throw FileError(target_.string(), "cannot write: the folder is full of temporary files");
  detail::mark_as_in_use(*file_);
}

inline void AtomicFile::require_open() const {
  if (!file_) throw FileError(target_.string(), "cannot write: already committed, or given up");
}

inline void AtomicFile::write(std::span<std::byte const> bytes) {
  require_open();
  try {
    append(bytes);
  } catch (...) {
    discard();
    throw;
  }
}

inline void AtomicFile::append(std::span<std::byte const> bytes) {
  if (buffer_.size() + bytes.size() > buffer_bytes) flush();
  if (bytes.size() >= buffer_bytes) {
    file_->write(written_, bytes);
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

inline void AtomicFile::overwrite(std::uint64_t offset, std::span<std::byte const> bytes) {
  require_open();
  std::uint64_t const size = written_ + buffer_.size();
  if (offset > size || bytes.size() > size - offset) {
    throw FileError(target_.string(), offset, "cannot overwrite: nothing was written there yet");
  }
  try {
    if (offset >= written_) {
      std::ranges::copy(bytes, buffer_.begin() + static_cast<std::ptrdiff_t>(offset - written_));
    } else {
      flush();
      file_->write(offset, bytes);
    }
  } catch (...) {
    discard();
    throw;
  }
}

inline void AtomicFile::flush() {
  file_->write(written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

inline void AtomicFile::commit() {
  require_open();
  try {
    flush();
    file_->sync();
    file_->close();
    if (file_calls().rename(temporary_.c_str(), target_.c_str()) != 0) {
      detail::fail_with_errno(target_, "rename the temporary file to this name", errno);
    }
  } catch (...) {
    discard();
    throw;
  }
  file_.reset();
  File folder = File::open_folder(folder_);
  folder.sync();
}

inline void AtomicFile::discard() noexcept {
  if (!file_) return;
  file_.reset();
  file_calls().unlink(temporary_.c_str());
}

ACCRETE_END_NAMESPACE
