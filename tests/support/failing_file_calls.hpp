/// Makes the k-th system call on files fail, for tests that try every k.
#pragma once

#include <cerrno>
#include <cstddef>

#include <accrete/io/file_calls.hpp>

namespace accrete_test {

/// How the call fails. Only opening can lack descriptors. A short call transfers half of what it was asked to; an interrupted or short call is only
/// what POSIX lets be interrupted or short.
enum class FileFault { no_space, io_error, interrupted, short_call, no_descriptors };

/// While it lives, calls are counted, and call number `failing_call` (from 0) fails once.
class FailingFileCalls {
 public:
  static constexpr int never = -1;

  explicit FailingFileCalls(int failing_call = never, FileFault fault = FileFault::io_error) {
    state() = {.failing_call = failing_call, .fault = fault};
    accrete::file_calls() = {open,  close,  fstat,  pread, pwrite,
                             fsync, rename, unlink, flock, statvfs};
  }
  FailingFileCalls(FailingFileCalls const&) = delete;
  FailingFileCalls& operator=(FailingFileCalls const&) = delete;
  ~FailingFileCalls() { accrete::file_calls() = accrete::posix_file_calls(); }

  [[nodiscard]] static int calls() { return state().calls; }

 private:
  struct State {
    int calls = 0;
    int failing_call = never;
    FileFault fault = FileFault::io_error;
  };

  [[nodiscard]] static State& state() {
    static State state;
    return state;
  }
  [[nodiscard]] static accrete::FileCalls const& real() {
    static accrete::FileCalls const calls = accrete::posix_file_calls();
    return calls;
  }

  [[nodiscard]] static bool is_due() { return state().calls++ == state().failing_call; }
  [[nodiscard]] static bool fails(bool can_be_interrupted) {
    if (!is_due()) return false;
    switch (state().fault) {
      case FileFault::no_space:
        errno = ENOSPC;
        return true;
      case FileFault::io_error:
        errno = EIO;
        return true;
      case FileFault::interrupted:
        errno = EINTR;
        return can_be_interrupted;
      case FileFault::short_call:
      case FileFault::no_descriptors:
        break;
    }
    return false;
  }
  [[nodiscard]] static bool transfer_fails(std::size_t& count) {
    if (state().fault != FileFault::short_call) return fails(true);
    if (is_due() && count > 1) count /= 2;
    return false;
  }

  static int open(char const* path, int flags, mode_t mode) {
    if (state().fault == FileFault::no_descriptors) {
      errno = EMFILE;
      return is_due() ? -1 : real().open(path, flags, mode);
    }
    return fails(true) ? -1 : real().open(path, flags, mode);
  }
  static int close(int descriptor) {
    bool const failing = fails(true);
    int const error = errno;
    int const result = real().close(descriptor);  // closes even where it then says that it failed
    if (failing) errno = error;
    return failing ? -1 : result;
  }
  static int fstat(int descriptor, struct ::stat* status) {
    return fails(true) ? -1 : real().fstat(descriptor, status);
  }
  static ssize_t pread(int descriptor, void* bytes, std::size_t count, off_t offset) {
    return transfer_fails(count) ? -1 : real().pread(descriptor, bytes, count, offset);
  }
  static ssize_t pwrite(int descriptor, void const* bytes, std::size_t count, off_t offset) {
    return transfer_fails(count) ? -1 : real().pwrite(descriptor, bytes, count, offset);
  }
  static int fsync(int descriptor) { return fails(true) ? -1 : real().fsync(descriptor); }
  static int rename(char const* from, char const* to) {
    return fails(false) ? -1 : real().rename(from, to);
  }
  static int unlink(char const* path) { return fails(false) ? -1 : real().unlink(path); }
  static int flock(int descriptor, int operation) {
    return fails(true) ? -1 : real().flock(descriptor, operation);
  }
  static int statvfs(char const* path, struct ::statvfs* status) {
    return fails(true) ? -1 : real().statvfs(path, status);
  }
};

}  // namespace accrete_test
