/// A text file that grows row by row, as a log does: each row is in the file when `append` returns.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/io/file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Rows are lines. A FileError (a full disk, say) leaves the rows before it whole, and later rows may still succeed.
class RowFile {
 public:
  /// A file that begins with `start`; an older file of that name is replaced.
  [[nodiscard]] static RowFile create(std::filesystem::path const& path,
                                      std::string_view start = {});

  /// Continues an existing file after its first rows for which `keep(row, offset)` holds; the rest, and a last row
  /// that a crash tore off, is cut away atomically. FileError if a row is longer than `max_row_bytes`.
  template <class Keep>
  [[nodiscard]] static RowFile resume(std::filesystem::path const& path, Keep&& keep);

  RowFile(RowFile&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, closed)),
        size_(other.size_) {}
  RowFile& operator=(RowFile&&) = delete;
  ~RowFile() {
    if (descriptor_ != closed) file_calls().close(descriptor_);
  }

  /// Writes `row`, which has no line break, and ends the line.
  void append(std::string_view row);

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }

  static constexpr std::size_t max_row_bytes = std::size_t{1} << 20;

 private:
  static constexpr int closed = -1;

  RowFile(std::filesystem::path const& path, std::uint64_t size);

  /// How many bytes the first rows take that `keep` accepts.
  template <class Keep>
  [[nodiscard]] static std::uint64_t kept_bytes(File const& file, Keep&& keep);
  static void cut(File const& file, std::uint64_t size);

  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t size_;  // of the whole rows; what stands behind them is overwritten
};

inline RowFile::RowFile(std::filesystem::path const& path, std::uint64_t size)
    : path_(path), size_(size) {
  descriptor_ = detail::uninterrupted(
      [&] { return file_calls().open(path_.c_str(), O_WRONLY | O_CLOEXEC, 0666); });
  if (descriptor_ == closed) detail::fail_with_errno(path_, "open", errno);
}

inline RowFile RowFile::create(std::filesystem::path const& path, std::string_view start) {
  write_file_atomically(path, start);
  return RowFile(path, start.size());
}

template <class Keep>
RowFile RowFile::resume(std::filesystem::path const& path, Keep&& keep) {
  File const file = File::open_for_reading(path);
  std::uint64_t const size = kept_bytes(file, std::forward<Keep>(keep));
  if (size < file.size()) cut(file, size);
  return RowFile(path, size);
}

template <class Keep>
std::uint64_t RowFile::kept_bytes(File const& file, Keep&& keep) {
  std::array<char, 1 << 16> chunk;
  std::string row;
  std::uint64_t kept = 0;
  for (std::uint64_t offset = 0;;) {
    std::size_t const count = file.read_some(offset, std::as_writable_bytes(std::span(chunk)));
    if (count == 0) return kept;
    std::string_view rest(chunk.data(), count);
    while (!rest.empty()) {
      std::size_t const end = rest.find('\n');
      row += rest.substr(0, end);
      if (row.size() > max_row_bytes) {
        throw FileError(file.path().string(), kept,
                        message("a row of more than ", max_row_bytes, " bytes"));
      }
      if (end == std::string_view::npos) break;
      if (!keep(std::string_view(row), kept)) return kept;
      kept += row.size() + 1;
      row.clear();
      rest.remove_prefix(end + 1);
    }
    offset += count;
  }
}

inline void RowFile::cut(File const& file, std::uint64_t size) {
  AtomicFile shorter(file.path());
  std::array<std::byte, 1 << 16> chunk;
  for (std::uint64_t offset = 0; offset < size;) {
    std::size_t const wanted =
        size - offset < chunk.size() ? static_cast<std::size_t>(size - offset) : chunk.size();
    std::span<std::byte> const part = std::span(chunk).first(wanted);
    file.read(offset, part);
    shorter.write(part);
    offset += wanted;
  }
  shorter.commit();
}

inline void RowFile::append(std::string_view row) {
  std::string const line = std::string(row) + '\n';
  std::size_t done = 0;
  while (done < line.size()) {
    ssize_t const count = detail::uninterrupted([&] {
      return file_calls().pwrite(descriptor_, line.data() + done, line.size() - done,
                                 static_cast<off_t>(size_ + done));
    });
    if (count <= 0) {
      int const error = count < 0 ? errno : EIO;
      // Take the half-written row back; where even that fails, the next row overwrites it.
      static_cast<void>(::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0);
      detail::fail_with_errno(path_, message("write at offset ", size_ + done), error);
    }
    done += static_cast<std::size_t>(count);
  }
  size_ += line.size();
}

ACCRETE_END_NAMESPACE
