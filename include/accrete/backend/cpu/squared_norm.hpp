/// The sum of squares in packs of doubles.
#pragma once

#include <algorithm>
#include <array>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/squared_norm.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct SquaredNormKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  /// Threads sum blocks of their own; the caller adds the blocks in order, a few hundred at a time,
  /// so that their sums need no memory.
  [[nodiscard]] static double squared_norm(Backend const& backend,
                                           View<Backend, Master const, 1> x) {
    constexpr Index blocks_at_a_time = 512;
    std::array<double, blocks_at_a_time> sums;
    double total = 0;
    Index const blocks = (x.size(0) + squared_norm_block - 1) / squared_norm_block;
    for (Index first = 0; first < blocks; first += blocks_at_a_time) {
      Index const count = std::min(blocks_at_a_time, blocks - first);
      backend.for_each_range(count, squared_norm_block, [&](IndexRange range) {
        for (Index block = range.begin; block < range.end; ++block) {
          Index const begin = (first + block) * squared_norm_block;
          Index const end = std::min(begin + squared_norm_block, x.size(0));
          sums[static_cast<std::size_t>(block)] = sum_of_squares(end - begin, x.data() + begin);
        }
      });
      for (Index block = 0; block < count; ++block) total += sums[static_cast<std::size_t>(block)];
    }
    return total;
  }

 private:
  static double sum_of_squares(Index count, T const* x) {
    constexpr Index lanes = 32;  // independent sums, which compilers turn into packs
    std::array<double, lanes> sums{};
    Index i = 0;
    for (; i + lanes <= count; i += lanes)
      for (Index lane = 0; lane < lanes; ++lane) {
        auto const v = static_cast<double>(x[i + lane]);
        sums[static_cast<std::size_t>(lane)] += v * v;
      }
    for (Index lane = 0; i < count; ++i, ++lane) {
      auto const v = static_cast<double>(x[i]);
      sums[static_cast<std::size_t>(lane)] += v * v;
    }
    double total = 0;
    for (double const sum : sums) total += sum;
    return total;
  }
};

ACCRETE_END_NAMESPACE
