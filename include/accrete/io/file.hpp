/// An open file: a descriptor that closes itself, calls that finish what they began, errors that name the path.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/io/file_calls.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Reads and writes at offsets. Interrupted and short calls are continued; every other failure is a FileError
/// with the path, what was attempted, and the system's reason ("No space left on device").
class File {
 public:
  /// An existing regular file: FileError for folders, pipes and devices.
  [[nodiscard]] static File open_for_reading(std::filesystem::path const& path);

  /// An existing file, to be changed in place.
  [[nodiscard]] static File open_for_writing(std::filesystem::path const& path);

  /// A file that did not exist, which errors call `shown_as`. Nothing if the name is taken.
  [[nodiscard]] static std::optional<File> create(std::filesystem::path const& path,
                                                  std::filesystem::path const& shown_as);

  /// Opens a file to change it in place, or makes it.
  [[nodiscard]] static File open_or_create(std::filesystem::path const& path);

  /// A folder, to make the names in it durable with `sync`.
  [[nodiscard]] static File open_folder(std::filesystem::path const& path);

  File(File&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, closed)) {}
  File& operator=(File other) noexcept {
    path_.swap(other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  [[nodiscard]] std::filesystem::path const& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const;

  /// Fills `out` from `offset` on, or as much of it as the file still has; the number of bytes read.
  [[nodiscard]] std::size_t read_some(std::uint64_t offset, std::span<std::byte> out) const;

  /// Fills `out`; FileError if the file ends before.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

  void write(std::uint64_t offset, std::span<std::byte const> bytes);

  /// Takes the lock that only one process has at a time, until the file is closed or the process ends. False if
  /// another has it; FileError where there are no locks.
  [[nodiscard]] bool try_lock();

  /// Whether `path` still names this very file.
  [[nodiscard]] bool is_named(std::filesystem::path const& path) const;

  /// Returns when the bytes (of a folder: the names) are on the disk.
  void sync();

  /// Closes now, and says if the system then admits that writing failed.
  void close();

 private:
  static constexpr int closed = -1;

  /// Made before the descriptor is: no memory may be needed between opening and owning it.
  explicit File(std::filesystem::path path) : path_(std::move(path)) {}

  [[nodiscard]] static int open(std::filesystem::path const& path, int flags);
  [[nodiscard]] static File open_existing(std::filesystem::path const& path, int flags);
  [[nodiscard]] struct ::stat status() const;
  [[noreturn]] void fail(std::string_view attempt, int error) const;

  std::filesystem::path path_;  // as errors call it
  int descriptor_ = closed;
};

/// The whole file. FileError if it cannot be read or is longer than `max_bytes`.
[[nodiscard]] std::string read_file(std::filesystem::path const& path, std::uint64_t max_bytes);

namespace detail {

/// Repeats a call that a signal interrupted.
[[nodiscard]] auto uninterrupted(auto const& call) {
  while (true) {
    auto const result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

[[noreturn]] inline void fail_with_errno(std::filesystem::path const& path,
                                         std::string_view attempt, int error) {
  throw FileError(path.string(),
                  message("cannot ", attempt, ": ", std::generic_category().message(error)));
}

}  // namespace detail

inline int File::open(std::filesystem::path const& path, int flags) {
  constexpr mode_t read_and_write_for_all = 0666;  // less what the umask takes
  return detail::uninterrupted(
      [&] { return file_calls().open(path.c_str(), flags | O_CLOEXEC, read_and_write_for_all); });
}

inline File File::open_for_reading(std::filesystem::path const& path) {
  return open_existing(path, O_RDONLY);
}

inline File File::open_for_writing(std::filesystem::path const& path) {
  return open_existing(path, O_WRONLY);
}

inline File File::open_existing(std::filesystem::path const& path, int flags) {
  // Without O_NONBLOCK, opening a pipe would wait for the other end.
  File file(path);
  file.descriptor_ = open(path, flags | O_NONBLOCK);
  if (file.descriptor_ == closed) detail::fail_with_errno(path, "open", errno);
  struct ::stat const status = file.status();
  if (S_ISDIR(status.st_mode)) throw FileError(path.string(), "is a folder, not a file");
  if (!S_ISREG(status.st_mode)) throw FileError(path.string(), "is not a regular file");
  return file;
}

inline std::optional<File> File::create(std::filesystem::path const& path,
                                        std::filesystem::path const& shown_as) {
  File file(shown_as);
  file.descriptor_ = open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (file.descriptor_ != closed) return file;
  if (errno == EEXIST) return std::nullopt;
  detail::fail_with_errno(shown_as, "create", errno);
}

inline File File::open_or_create(std::filesystem::path const& path) {
  File file(path);
  file.descriptor_ = open(path, O_RDWR | O_CREAT);
  if (file.descriptor_ == closed) detail::fail_with_errno(path, "create", errno);
  return file;
}

inline File File::open_folder(std::filesystem::path const& path) {
  File file(path);
  file.descriptor_ = open(path, O_RDONLY | O_DIRECTORY);
  if (file.descriptor_ == closed) detail::fail_with_errno(path, "open", errno);
  return file;
}

inline File::~File() {
  if (descriptor_ != closed) file_calls().close(descriptor_);
}

inline void File::fail(std::string_view attempt, int error) const {
  detail::fail_with_errno(path_, attempt, error);
}

inline struct ::stat File::status() const {
  struct ::stat status {};
  int const result =
      detail::uninterrupted([&] { return file_calls().fstat(descriptor_, &status); });
  if (result != 0) fail("look at", errno);
  return status;
}

inline std::uint64_t File::size() const {
  return static_cast<std::uint64_t>(status().st_size);
}

inline std::size_t File::read_some(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    ssize_t const count = detail::uninterrupted([&] {
      return file_calls().pread(descriptor_, out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    });
    if (count < 0) fail(message("read at offset ", offset + done), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

inline void File::read(std::uint64_t offset, std::span<std::byte> out) const {
  std::size_t const count = read_some(offset, out);
  if (count < out.size()) {
    throw FileError(path_.string(), offset + count,
                    message("the file ends here, ", out.size() - count, " bytes too early"));
  }
}

inline void File::write(std::uint64_t offset, std::span<std::byte const> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    ssize_t const count = detail::uninterrupted([&] {
      return file_calls().pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
    });
    if (count < 0) fail(message("write at offset ", offset + done), errno);
    // POSIX lets a device take nothing without an error; waiting for it could last forever.
    if (count == 0) fail(message("write at offset ", offset + done), EIO);
    done += static_cast<std::size_t>(count);
  }
}

inline bool File::try_lock() {
  int const result =
      detail::uninterrupted([&] { return file_calls().flock(descriptor_, LOCK_EX | LOCK_NB); });
  if (result == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  fail("lock", errno);
}

inline bool File::is_named(std::filesystem::path const& path) const {
  struct ::stat named {};
  struct ::stat const own = status();
  return ::stat(path.c_str(), &named) == 0 && named.st_dev == own.st_dev &&
         named.st_ino == own.st_ino;
}

inline void File::sync() {
  if (detail::uninterrupted([&] { return file_calls().fsync(descriptor_); }) != 0) {
    fail("bring to the disk", errno);
  }
}

inline void File::close() {
  // The descriptor is gone whatever close says, EINTR included (Linux).
  int const result = file_calls().close(std::exchange(descriptor_, closed));
  if (result != 0 && errno != EINTR) fail("close", errno);
}

inline std::string read_file(std::filesystem::path const& path, std::uint64_t max_bytes) {
  constexpr std::uint64_t least_step = 1 << 16;
  File const file = File::open_for_reading(path);
  std::string text;
  // The system may state 0 bytes (files under /proc) and the file may grow meanwhile: its end is where a read
  // comes back short.
  std::uint64_t step = file.size();
  while (true) {
    std::size_t const begin = text.size();
    step = std::min(std::max(step, least_step - 1), max_bytes - begin) + 1;
    text.resize(begin + step);
    std::size_t const count =
        file.read_some(begin, std::as_writable_bytes(std::span(text)).subspan(begin));
    text.resize(begin + count);
    if (text.size() > max_bytes) {
      throw FileError(path.string(),
                      message("is longer than ", max_bytes, " bytes, the most allowed"));
    }
    if (count < step) return text;
  }
}

ACCRETE_END_NAMESPACE
