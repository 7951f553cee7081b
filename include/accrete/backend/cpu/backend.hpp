/// The CPU backend: products and rows in packs of numbers, on threads of our own.
///
/// Every number has one order of summation: it depends neither on the number of threads, nor on the
/// batch, nor on where in the batch a row stands.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include <accrete/backend/cpu/engine.hpp>
#include <accrete/backend/cpu/page_memory.hpp>
#include <accrete/concepts/backend.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/memory/host_memory.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A cheap shared handle: copies share one pool of threads.
template <class T>
class BasicCpuBackend {
 public:
  using Element = T;
  using Master = T;
  using Statistic = T;
  using Accumulator = T;
  using Space = HostSpace;

  /// `threads` counts the calling thread; 0 stands for every processor this process may use.
  explicit BasicCpuBackend(int threads = 0)
      : pool_(std::make_shared<ThreadPool>(threads == 0 ? ThreadPool::hardware_threads()
                                                        : threads)) {}

  [[nodiscard]] ThreadPool& pool() const { return *pool_; }

  [[nodiscard]] std::shared_ptr<std::byte[]> allocate(Index bytes) const {
    constexpr Index large = Index{2} << 20;
    return bytes >= large ? detail::allocate_pages(bytes) : allocate_host_memory(bytes);
  }

  /// Such as "cpu: eigen 3.4.0, avx512, 2 threads".
  [[nodiscard]] std::string description() const {
    return message("cpu: ", engine_description(), ", ", sizeof(T) == 8 ? "double, " : "",
                   pool_->threads(), pool_->threads() == 1 ? " thread" : " threads");
  }

  /// Calls f(IndexRange) on ranges that cover [0, size) and begin at multiples of `granule`: in the
  /// calling thread alone where the work is less than it costs to share it. `work` is the numbers
  /// that one index reads or writes.
  template <class F>
  void for_each_range(Index size, Index work, F&& f, Index granule = 1) const {
    constexpr Index work_worth_sharing = 32768;
    Index const granules = work_worth_sharing / (granule * std::max<Index>(work, 1)) + 1;
    pool_->parallel_for_ranges(size, granule * granules, f);
  }

 private:
  std::shared_ptr<ThreadPool> pool_;
};
static_assert(HostBackend<BasicCpuBackend<float>>);
static_assert(HostBackend<BasicCpuBackend<double>>);

using CpuBackend = BasicCpuBackend<float>;

ACCRETE_END_NAMESPACE
