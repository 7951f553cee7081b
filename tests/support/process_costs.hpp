/// What a piece of work takes of memory and time, measured in a process of its own.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <functional>
#include <string>

#include <accrete/io/file.hpp>

namespace accrete_test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool costs_tell = false;  // a sanitizer takes memory and time of its own
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool costs_tell = false;
#else
inline constexpr bool costs_tell = true;
#endif
#else
inline constexpr bool costs_tell = true;
#endif

struct ProcessCosts {
  std::size_t bytes;  // of memory, added to what the process had
  double seconds;     // of a processor
};

/// What work() takes. If it throws, the test fails.
[[nodiscard]] inline ProcessCosts costs_of(std::function<void()> const& work) {
  auto const peak_memory = [] {
    std::string const status = accrete::read_file("/proc/self/status", 1 << 20);
    return std::stoull(status.substr(status.find("VmHWM:") + 6)) * 1024;
  };
  auto const seconds = [] {
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    auto const of = [](::timeval time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
  };
#ifdef __GLIBC__
  ::malloc_trim(0);  // or the work would take what its parent has freed, which does not count
#endif
  std::array<int, 2> ends{};
  BOOST_TEST_REQUIRE(::pipe(ends.data()) == 0);
  ::pid_t const child = ::fork();
  if (child == 0) {
    std::size_t const before = peak_memory();  // which begins anew with a process
    double const start = seconds();
    [&]() noexcept { work(); }();  // an exception ends this process, not its parent's tests
    ProcessCosts const costs{peak_memory() - before, seconds() - start};
    ::_exit(::write(ends[1], &costs, sizeof costs) == sizeof costs ? 0 : 1);
  }
  ::close(ends[1]);
  ProcessCosts costs{};
  bool const complete = ::read(ends[0], &costs, sizeof costs) == sizeof costs;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_TEST_REQUIRE((complete && status == 0));
  return costs;
}

}  // namespace accrete_test
