/// What allocation_test.cpp's operators new and delete count, and how they fail.
#pragma once

#include <atomic>

namespace accrete_test {

struct Allocations {
  static constexpr long never = -1;

  static inline std::atomic<long> made = 0;
  static inline std::atomic<long> alive = 0;
  /// How many more succeed before one fails; negative: all do.
  static inline std::atomic<long> before_failure = never;

  /// Counts one more; false if it must fail.
  [[nodiscard]] static bool next() {
    ++made;
    if (before_failure >= 0 && before_failure-- == 0) return false;
    ++alive;
    return true;
  }
};

/// While it lives, allocation number `k` (from 0) fails.
class FailingAllocation {
 public:
  explicit FailingAllocation(long k) { Allocations::before_failure = k; }
  FailingAllocation(FailingAllocation const&) = delete;
  FailingAllocation& operator=(FailingAllocation const&) = delete;
  ~FailingAllocation() { Allocations::before_failure = Allocations::never; }

  /// Whether it has failed.
  [[nodiscard]] static bool has_failed() { return Allocations::before_failure < 0; }
};

}  // namespace accrete_test
