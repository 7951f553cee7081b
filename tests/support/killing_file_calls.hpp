/// Ends the process with SIGKILL at its k-th system call on files, and lets another process see where it is.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <string_view>

#include <accrete/io/file_calls.hpp>

namespace accrete_test {

/// What a process is about; `computing` between two calls.
enum class FilePhase { computing, open, close, look, read, write, sync, rename, unlink, lock };
inline constexpr std::string_view file_phase_names[] = {
    "computing", "open", "close", "look", "read", "write", "sync", "rename", "unlink", "lock"};

/// Memory that a process shares with its children.
struct Diary {
  std::atomic<int> saved = 0;  // the number of the last save that has returned
  std::atomic<int> calls = 0;
  std::atomic<FilePhase> phase = FilePhase::computing;

  [[nodiscard]] static Diary& shared() {
    static Diary* const diary = new (::mmap(nullptr, sizeof(Diary), PROT_READ | PROT_WRITE,
                                            MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Diary;
    return *diary;
  }
};

/// Where the killer strikes: just before the call, or just after it.
enum class Strike { before, after };

/// From now on, every call is noted in the diary, and call number `fatal_call` (from 0) is the last. For a child that
/// does not come back.
class KillingFileCalls {
 public:
  static constexpr int never = -1;

  static void install(int fatal_call = never, Strike strike = Strike::before);

 private:
  [[nodiscard]] static int& fatal() {
    static int call = never;
    return call;
  }
  [[nodiscard]] static Strike& when() {
    static Strike strike = Strike::before;
    return strike;
  }
  [[nodiscard]] static accrete::FileCalls const& real() {
    static accrete::FileCalls const calls = accrete::posix_file_calls();
    return calls;
  }
  template <class Call>
  static auto noted(FilePhase phase, Call const& call) {
    Diary& diary = Diary::shared();
    bool const is_last = diary.calls++ == fatal();
    diary.phase = phase;
    if (is_last && when() == Strike::before) ::kill(::getpid(), SIGKILL);
    auto const result = call();
    if (is_last) ::kill(::getpid(), SIGKILL);
    diary.phase = FilePhase::computing;
    return result;
  }
};

inline void KillingFileCalls::install(int fatal_call, Strike strike) {
  fatal() = fatal_call;
  when() = strike;
  Diary::shared().calls = 0;
  accrete::file_calls() = {
      .open =
          [](char const* path, int flags, mode_t mode) {
            return noted(FilePhase::open, [&] { return real().open(path, flags, mode); });
          },
      .close = [](int d) { return noted(FilePhase::close, [&] { return real().close(d); }); },
      .fstat =
          [](int d, struct ::stat* status) {
            return noted(FilePhase::look, [&] { return real().fstat(d, status); });
          },
      .pread =
          [](int d, void* bytes, std::size_t count, off_t offset) {
            return noted(FilePhase::read, [&] { return real().pread(d, bytes, count, offset); });
          },
      .pwrite =
          [](int d, void const* bytes, std::size_t count, off_t offset) {
            return noted(FilePhase::write, [&] { return real().pwrite(d, bytes, count, offset); });
          },
      .fsync = [](int d) { return noted(FilePhase::sync, [&] { return real().fsync(d); }); },
      .rename =
          [](char const* from, char const* to) {
            return noted(FilePhase::rename, [&] { return real().rename(from, to); });
          },
      .unlink =
          [](char const* path) {
            return noted(FilePhase::unlink, [&] { return real().unlink(path); });
          },
      .flock =
          [](int d, int operation) {
            return noted(FilePhase::lock, [&] { return real().flock(d, operation); });
          },
      .statvfs =
          [](char const* path, struct ::statvfs* status) {
            return noted(FilePhase::look, [&] { return real().statvfs(path, status); });
          },
  };
}

}  // namespace accrete_test
