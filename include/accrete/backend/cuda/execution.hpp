/// How a kernel's body runs: as a grid on a CUDA device, or as loops on the host, so that its logic is tested without a
/// device.
///
/// A body is a small object with the kernel's arguments and one template, called for each block:
///
///     struct Scale {
///       static constexpr int threads = 256;
///       float* x; Index count; float factor;
///       template <class Policy>
///       ACCRETE_KERNEL void operator()(Policy& policy) const {
///         policy.for_each(count, [&](Index i) { x[i] *= factor; });
///       }
///     };
///
/// All that the threads do stands in phases. Within a phase threads know nothing of each other; after it they all see
/// what any of them wrote. What lives from one phase to the next is `PerThread`, shared memory, or the same for all.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <type_traits>
#include <vector>

#include <accrete/backend/cuda/api.hpp>
#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

/// nvcc compiles bodies for the device alone, every other compiler for the host. Before a loop, ACCRETE_UNROLL has it
/// unrolled whole, so that the arrays that it indexes stay in registers.
#if defined(__CUDACC__)
#define ACCRETE_KERNEL __device__
#define ACCRETE_UNROLL _Pragma("unroll")
#else
#define ACCRETE_KERNEL
#define ACCRETE_UNROLL
#endif

ACCRETE_BEGIN_CUDA_NAMESPACE

inline constexpr int warp_size = 32;

/// One value for each thread of a block: `sum[thread]`. Starts as rubbish.
template <class T, class Policy>
using PerThread = typename Policy::template PerThread<T>;

struct Sum {
  template <class T>
  ACCRETE_KERNEL T operator()(T a, T b) const {
    return a + b;
  }
};
struct Greatest {
  template <class T>
  ACCRETE_KERNEL T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

#if !defined(__CUDACC__)

/// A block as loops. In each phase the threads run in another order, drawn from the seed, so that a body in which one
/// thread needs what another does in the same phase gives wrong numbers; memory that nothing was written to holds NaNs.
class HostPolicy {
 public:
  static constexpr int most_threads = 256;

  template <class T>
  class PerThread {
    static_assert(std::is_trivially_copyable_v<T>);

   public:
    PerThread() { std::memset(static_cast<void*>(values_.data()), 0xFF, sizeof(values_)); }
    T& operator[](int thread) { return values_[static_cast<std::size_t>(thread)]; }

   private:
    std::array<T, most_threads> values_;
  };

  HostPolicy(Index block, Index blocks, int threads, Index shared_bytes, std::uint64_t seed)
      : block_(block),
        blocks_(blocks),
        threads_(threads),
        shared_left_(shared_bytes),
        random_(seed ^ static_cast<std::uint64_t>(block) * 0x9E3779B97F4A7C15U) {
    if (threads < warp_size || threads > most_threads || (threads & (threads - 1)) != 0)
      throw ValueError(message("a kernel of ", threads, " threads; expected 32, 64, 128 or 256"));
  }

  [[nodiscard]] Index block() const { return block_; }
  [[nodiscard]] Index blocks() const { return blocks_; }
  [[nodiscard]] int threads() const { return threads_; }

  /// f(thread) for each thread, then a barrier.
  template <class F>
  void phase(F&& f) {
    auto const mask = static_cast<std::uint64_t>(threads_ - 1);
    std::uint64_t const factor = draw() | 1, start = draw();
    for (std::uint64_t i = 0; i <= mask; ++i) f(static_cast<int>((i * factor + start) & mask));
  }

  /// f(i) for this block's share of the i in [0, count): no two threads of the grid have the same.
  template <class F>
  void for_each(Index count, F&& f) {
    phase([&](int thread) {
      for (Index i = block_ * threads_ + thread; i < count; i += blocks_ * threads_) f(i);
    });
  }

  /// Memory of the block; in each block the same calls in the same order.
  template <class T>
  [[nodiscard]] T* shared(Index count) {
    Index const bytes = count * static_cast<Index>(sizeof(T));
    shared_left_ -= (bytes + 15) / 16 * 16;
    if (shared_left_ < 0) throw ValueError("a kernel uses more shared memory than it asked for");
    shared_.emplace_back(new std::byte[static_cast<std::size_t>(bytes)]);
    std::memset(shared_.back().get(), 0xFF, static_cast<std::size_t>(bytes));
    return reinterpret_cast<T*>(shared_.back().get());
  }

  /// The values of all threads combined, for all threads: lanes of a warp by halves, then warps in order.
  template <class T, class Combine>
  [[nodiscard]] T reduce(PerThread<T>& values, Combine combine) const {
    T result{};
    for (int warp = 0; warp < threads_ / warp_size; ++warp) {
      std::array<T, warp_size> lanes;
      for (int lane = 0; lane < warp_size; ++lane)
        lanes[static_cast<std::size_t>(lane)] = values[warp * warp_size + lane];
      for (std::size_t half = warp_size / 2; half > 0; half /= 2)
        for (std::size_t lane = 0; lane < half; ++lane)
          lanes[lane] = combine(lanes[lane], lanes[lane + half]);
      result = warp == 0 ? lanes[0] : combine(result, lanes[0]);
    }
    return result;
  }

  /// In each warp the arrays of all its threads combined, number by number, for each of them: lanes by halves. An array is
  /// a struct with one called `values`.
  template <class Array, class Combine>
  void reduce_warps(PerThread<Array>& arrays, Combine combine) const {
    for (int first = 0; first < threads_; first += warp_size) {
      for (int half = warp_size / 2; half > 0; half /= 2)
        for (int lane = first; lane < first + half; ++lane)
          for (std::size_t i = 0; i < std::size(arrays[lane].values); ++i)
            arrays[lane].values[i] = combine(arrays[lane].values[i], arrays[lane + half].values[i]);
      for (int lane = 1; lane < warp_size; ++lane) arrays[first + lane] = arrays[first];
    }
  }

 private:
  std::uint64_t draw() {  // splitmix64
    std::uint64_t z = (random_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }

  Index block_, blocks_;
  int threads_;
  Index shared_left_;
  std::uint64_t random_;
  std::vector<std::unique_ptr<std::byte[]>> shared_;
};

#else

/// A block of a CUDA grid.
class DevicePolicy {
 public:
  template <class T>
  class PerThread {
   public:
    __device__ T& operator[](int) { return value_; }

   private:
    T value_;
  };

  [[nodiscard]] __device__ Index block() const { return static_cast<Index>(blockIdx.x); }
  [[nodiscard]] __device__ Index blocks() const { return static_cast<Index>(gridDim.x); }
  [[nodiscard]] __device__ int threads() const { return static_cast<int>(blockDim.x); }

  template <class F>
  __device__ void phase(F&& f) {
    f(static_cast<int>(threadIdx.x));
    __syncthreads();
  }

  template <class F>
  __device__ void for_each(Index count, F&& f) {
    for (Index i = block() * threads() + static_cast<Index>(threadIdx.x); i < count;
         i += blocks() * threads())
      f(i);
  }

  template <class T>
  [[nodiscard]] __device__ T* shared(Index count) {
    extern __shared__ __align__(16) unsigned char accrete_shared_memory[];
    T* const memory = reinterpret_cast<T*>(accrete_shared_memory + shared_used_);
    shared_used_ += (count * static_cast<Index>(sizeof(T)) + 15) / 16 * 16;
    return memory;
  }

  template <class T, class Combine>
  [[nodiscard]] __device__ T reduce(PerThread<T>& values, Combine combine) const {
    __shared__ T warps[32];
    int const thread = static_cast<int>(threadIdx.x);
    T value = values[thread];
    for (int half = warp_size / 2; half > 0; half /= 2)
      value = combine(value, __shfl_xor_sync(0xFFFFFFFFU, value, half));
    if (thread % warp_size == 0) warps[thread / warp_size] = value;
    __syncthreads();
    T result = warps[0];
    for (int warp = 1; warp < threads() / warp_size; ++warp) result = combine(result, warps[warp]);
    __syncthreads();
    return result;
  }

  template <class Array, class Combine>
  __device__ void reduce_warps(PerThread<Array>& arrays, Combine combine) const {
    for (auto& value : arrays[0].values)
      for (int half = warp_size / 2; half > 0; half /= 2)
        value = combine(value, __shfl_xor_sync(0xFFFFFFFFU, value, half));
  }

 private:
  Index shared_used_ = 0;
};

template <class Body>
__global__ void __launch_bounds__(Body::threads) run_body(Body const body) {
  DevicePolicy policy;
  body(policy);
}
/// The same with as few registers as it takes for a multiprocessor to hold `Body::blocks_at_once` blocks.
template <class Body>
__global__ void __launch_bounds__(Body::threads, Body::blocks_at_once) run_bodies(Body const body) {
  DevicePolicy policy;
  body(policy);
}

#endif

/// What a table needs to launch `body`, whose shared memory is `Body::shared_bytes` where it has any.
template <class Body>
[[nodiscard]] LaunchRequest launch_request(char const* name, Index blocks, Body const& body) {
  static_assert(std::is_trivially_copyable_v<Body>);
  LaunchRequest request{.name = name,
                        .body = &body,
                        .body_bytes = sizeof(Body),
                        .blocks = blocks,
                        .threads = Body::threads};
  if constexpr (requires { Body::shared_bytes; }) request.shared_bytes = Body::shared_bytes;
#if defined(__CUDACC__)
  if constexpr (requires { Body::blocks_at_once; })
    request.device_function = reinterpret_cast<void const*>(&run_bodies<Body>);
  else
    request.device_function = reinterpret_cast<void const*>(&run_body<Body>);
#else
  request.run_block = [](void const* erased, Index block, Index of_blocks, Index shared_bytes,
                         std::uint64_t seed) {
    HostPolicy policy(block, of_blocks, Body::threads, shared_bytes, seed);
    (*static_cast<Body const*>(erased))(policy);
  };
#endif
  return request;
}

ACCRETE_END_CUDA_NAMESPACE
