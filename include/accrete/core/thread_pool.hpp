/// A pool of threads for many short parallel regions: a decode step opens forty of them within a
/// millisecond.
///
/// Results must not depend on the number of threads. So a region is a number of tasks, any thread
/// may take any of them in any order, and each task writes what no other task touches.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/index_range.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The calling thread and `threads() - 1` workers, which share out the tasks of one region at a
/// time.
///
/// Workers stay awake between regions for two milliseconds before they sleep. A worker that wakes too
/// late for a region is not waited for. Opening a region allocates nothing.
class ThreadPool {
 public:
  static constexpr int max_threads = 1024;

  /// The processors that this process may use.
  [[nodiscard]] static int hardware_threads();

  /// `threads` counts the caller: 1 means no worker. Throws ValueError unless 1 <= threads <=
  /// max_threads.
  explicit ThreadPool(int threads = hardware_threads());
  ~ThreadPool() { stop(); }
  ThreadPool(ThreadPool const&) = delete;
  ThreadPool& operator=(ThreadPool const&) = delete;

  [[nodiscard]] int threads() const { return threads_; }

  /// Runs f(task) for each task in [0, count) and returns when all have ended.
  ///
  /// Any thread may call it at any time. A call from within a task, or while another thread's
  /// region is running, runs its tasks one after the other in the calling thread. If tasks throw,
  /// the others still run, then the exception of the lowest task is thrown here.
  template <class F>
  requires std::invocable<F&, Index>
  void parallel_for(Index count, F&& f);

  /// Calls f(IndexRange) on contiguous ranges that cover [0, size), each but the last of `granule`
  /// indices or a multiple of it: a few ranges per thread, so that a thread that is held up does
  /// not hold up the region.
  template <class F>
  requires std::invocable<F&, IndexRange>
  void parallel_for_ranges(Index size, Index granule, F&& f);

 private:
  struct Region {
    void (*invoke)(void* callable, Index task) = nullptr;
    void* callable = nullptr;
    Index count = 0;
    std::exception_ptr error;
    Index error_task = 0;
  };

  // The gate says in one word which region is current (so that a worker serves each at most once),
  // whether workers may still enter it, and how many are inside.
  static constexpr std::uint32_t inside_mask = 0x7ff;
  static constexpr std::uint32_t open_bit = 0x800;
  static constexpr std::uint32_t stop_bit = 0x1000;
  static constexpr std::uint32_t region_unit = 0x2000;
  [[nodiscard]] static constexpr std::uint32_t region_of(std::uint32_t gate) {
    return gate / region_unit;
  }

  void run(Region& region);
  void run_tasks(Region& region, std::atomic<Index>& next);
  void work();
  void stop();
  template <class Ready>
  std::uint32_t wait_until(std::atomic<std::uint32_t> const& word, Ready ready) const;
  static void pause();

  // Each on a cache line of its own: the gate; 1 once the last worker has left a closed region; the
  // next task to take; whether a region is running.
  static constexpr std::size_t cache_line = 64;
  alignas(cache_line) std::atomic<std::uint32_t> gate_{0};
  alignas(cache_line) std::atomic<std::uint32_t> emptied_{0};
  alignas(cache_line) std::atomic<Index> next_{0};
  alignas(cache_line) std::atomic<bool> busy_{false};
  Region* region_ = nullptr;
  std::mutex error_mutex_;
  int threads_;
  bool patient_;  // no more threads than processors: waiting awake is worth it
  std::vector<std::thread> workers_;
};

inline int ThreadPool::hardware_threads() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::clamp(CPU_COUNT(&allowed), 1, max_threads);
  }
#endif
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);
}

inline ThreadPool::ThreadPool(int threads)
    : threads_(threads), patient_(threads <= hardware_threads()) {
  if (threads < 1 || threads > max_threads) {
    throw ValueError(
        message("ThreadPool: threads: expected 1 to ", max_threads, ", got ", threads));
  }
  try {
    workers_.reserve(static_cast<std::size_t>(threads - 1));
    for (int worker = 1; worker < threads; ++worker) workers_.emplace_back([this] { work(); });
  } catch (...) {
    stop();
    throw;
  }
}

template <class F>
requires std::invocable<F&, Index>
void ThreadPool::parallel_for(Index count, F&& f) {
  using Callable = std::remove_reference_t<F>;
  Region region;
  region.invoke = [](void* callable, Index task) { (*static_cast<Callable*>(callable))(task); };
  region.callable = const_cast<void*>(static_cast<void const*>(std::addressof(f)));
  region.count = count;
  run(region);
}

template <class F>
requires std::invocable<F&, IndexRange>
void ThreadPool::parallel_for_ranges(Index size, Index granule, F&& f) {
  Index const granules = (size + granule - 1) / granule;
  Index const parts =
      threads_ == 1 ? std::min<Index>(granules, 1) : std::min<Index>(granules, 4 * threads_);
  parallel_for(parts, [&](Index part) { f(split_range(size, parts, part, granule)); });
}

inline void ThreadPool::run(Region& region) {
  bool const alone =
      workers_.empty() || region.count < 2 || busy_.exchange(true, std::memory_order_acquire);
  if (alone) {
    std::atomic<Index> next{0};
    run_tasks(region, next);
  } else {
    region_ = &region;
    next_.store(0, std::memory_order_relaxed);
    emptied_.store(0, std::memory_order_relaxed);
    std::uint32_t const current = region_of(gate_.load(std::memory_order_relaxed)) + 1;
    gate_.store(current * region_unit | open_bit);
    gate_.notify_all();
    run_tasks(region, next_);
    std::uint32_t const closed = gate_.fetch_and(~open_bit, std::memory_order_acq_rel);
    if ((closed & inside_mask) != 0) {
      wait_until(emptied_, [](std::uint32_t emptied) { return emptied != 0; });
    }
    busy_.store(false, std::memory_order_release);
  }
  if (region.error) std::rethrow_exception(region.error);
}

inline void ThreadPool::run_tasks(Region& region, std::atomic<Index>& next) {
  for (Index task; (task = next.fetch_add(1, std::memory_order_relaxed)) < region.count;) {
    try {
      region.invoke(region.callable, task);
    } catch (...) {
      std::lock_guard const lock(error_mutex_);
      if (!region.error || task < region.error_task) {
        region.error = std::current_exception();
        region.error_task = task;
      }
    }
  }
}

inline void ThreadPool::work() {
  std::uint32_t served = 0;
  for (;;) {
    std::uint32_t gate = wait_until(gate_, [&](std::uint32_t now) {
      return (now & stop_bit) != 0 || ((now & open_bit) != 0 && region_of(now) != served);
    });
    if ((gate & stop_bit) != 0) return;
    if (!gate_.compare_exchange_strong(gate, gate + 1, std::memory_order_acq_rel)) continue;
    served = region_of(gate);
    run_tasks(*region_, next_);
    std::uint32_t const after = gate_.fetch_sub(1, std::memory_order_acq_rel) - 1;
    if ((after & (open_bit | inside_mask)) == 0) {
      emptied_.store(1);
      emptied_.notify_one();
    }
  }
}

inline void ThreadPool::stop() {
  gate_.fetch_or(stop_bit);
  gate_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

/// Spins, then yields, then sleeps, until the word satisfies `ready`; returns the value that did.
///
/// Waking a thread takes a virtual machine tens of microseconds and may stack it on the processor of
/// the thread that woke it. One that yields keeps its processor, and leaves it to who needs it.
template <class Ready>
std::uint32_t ThreadPool::wait_until(std::atomic<std::uint32_t> const& word, Ready ready) const {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds spin_time(50), yield_time(2000);
  constexpr int pauses_per_look_at_the_clock = 32;
  auto const start = Clock::now();
  auto const waited_for = [&](auto time) { return !patient_ || Clock::now() - start > time; };
  do {
    for (int i = 0; i < pauses_per_look_at_the_clock; ++i) {
      std::uint32_t const value = word.load(std::memory_order_acquire);
      if (ready(value)) return value;
      pause();
    }
  } while (!waited_for(spin_time));
  while (!waited_for(yield_time)) {
    std::uint32_t const value = word.load(std::memory_order_acquire);
    if (ready(value)) return value;
    std::this_thread::yield();
  }
  for (;;) {
    std::uint32_t const value = word.load(std::memory_order_acquire);
    if (ready(value)) return value;
    word.wait(value, std::memory_order_acquire);
  }
}

/// Tells the processor that this is a spin loop.
inline void ThreadPool::pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

ACCRETE_END_NAMESPACE
