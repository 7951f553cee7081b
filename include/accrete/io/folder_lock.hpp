/// One process at a time in a folder of results.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/io/file.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Holds a folder for this process as long as it lives:
///
///     FolderLock const lock("run");
///
/// The lock is the system's (flock) on the file `accrete.lock` in the folder, which says the process's number. It ends
/// with the process however that ends, so a file that was left behind locks nothing. Two locks in one process exclude
/// each other, too.
class FolderLock {
 public:
  /// Makes the folder if there is none. Throws FileError with the number of the process that holds it, and for a folder
  /// in which no file can be made or locked.
  explicit FolderLock(std::filesystem::path const& folder);
  FolderLock(FolderLock const&) = delete;
  FolderLock& operator=(FolderLock const&) = delete;
  ~FolderLock() {
    // While the lock is held: who waits for it sees that the name is gone, and makes a new file.
    if (file_) file_calls().unlink(path_.c_str());
  }

 private:
  [[nodiscard]] bool try_to_take();
  /// The process that the file names; nothing if the holder has not come that far.
  [[nodiscard]] std::optional<::pid_t> holder() const;

  /// The file holds one line of this length, so that no number is longer than the one before it.
  static constexpr std::size_t line_bytes = 16;

  std::filesystem::path path_;
  std::optional<File> file_;
};

inline FolderLock::FolderLock(std::filesystem::path const& folder)
    : path_(folder / "accrete.lock") {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(folder.string(), "cannot make this folder: " + error.message());
  constexpr int most_attempts = 200;  // of a millisecond: a holder writes its number at once
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (try_to_take()) return;
    // The number may still be that of a process which was killed.
    auto const other = holder();
    if (other && (::kill(*other, 0) == 0 || errno != ESRCH)) break;
  }
  auto const other = holder();
  throw FileError(path_.string(),
                  message("process ", other ? std::to_string(*other) : "(unknown)",
                          " works in this folder; wait for it, end it, or take another folder"));
}

inline bool FolderLock::try_to_take() {
  File file = File::open_or_create(path_);
  // Its last holder may have removed the file between the two calls.
  if (!file.try_lock() || !file.is_named(path_)) return false;
  std::string number = std::to_string(::getpid());
  number.append(line_bytes - 1 - number.size(), ' ').append("\n");
  file.write(0, std::as_bytes(std::span(number)));
  file_ = std::move(file);
  return true;
}

inline std::optional<::pid_t> FolderLock::holder() const try {
  std::string const text = read_file(path_, line_bytes);
  ::pid_t process = 0;
  auto const [rest, error] = std::from_chars(text.data(), text.data() + text.size(), process);
  if (error != std::errc{} || process <= 0) return std::nullopt;
  return process;
} catch (FileError const&) {
  return std::nullopt;
}

ACCRETE_END_NAMESPACE
