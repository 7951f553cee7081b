/// What the machine can do: the floors that the figures are compared with.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <accrete/accrete.hpp>
#include <accrete/report/machine.hpp>

#include "timing.hpp"

namespace bench {

using accrete::Index;

/// Fused multiply-adds on registers alone, all threads, in FLOP/s.
[[nodiscard]] inline double measure_fma_peak(accrete::ThreadPool& pool) {
  using Packet = Eigen::internal::packet_traits<float>::type;
  constexpr Index width = Eigen::internal::packet_traits<float>::size;
  constexpr Index rounds = 2'000'000;
  // As many chains as hide the latency of two units; a pack, so that they stay in registers.
  constexpr auto chains = std::make_index_sequence<10>();
  std::vector<float> results(static_cast<std::size_t>(pool.threads()) * width);
  auto const run = [&] {
    pool.parallel_for(pool.threads(), [&](Index task) {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        Packet const factor = Eigen::internal::pset1<Packet>(0.999F);
        Packet sums[] = {Eigen::internal::pset1<Packet>(static_cast<float>(I))...};
        for (Index round = 0; round < rounds; ++round)
          ((sums[I] = Eigen::internal::pmadd(sums[I], factor, factor)), ...);
        Packet sum = factor;
        ((sum = Eigen::internal::padd(sum, sums[I])), ...);
        Eigen::internal::pstoreu(results.data() + task * width, sum);
      }
      (chains);
    });
  };
  auto const samples = time_samples(20, run);  // some, until the system has spread the threads
  double const flops = 2.0 * static_cast<double>(rounds * static_cast<Index>(chains.size()) *
                                                 width * pool.threads());
  return flops / *std::min_element(samples.begin(), samples.end());
}

/// Reading `bytes` of memory once, all threads, in bytes a second.
[[nodiscard]] inline double measure_read_bandwidth(accrete::ThreadPool& pool, Index bytes) {
  using Packet = Eigen::internal::packet_traits<float>::type;
  constexpr Index width = Eigen::internal::packet_traits<float>::size;
  std::vector<float> values(static_cast<std::size_t>(bytes) / sizeof(float), 1.0F);
  std::vector<float> results(static_cast<std::size_t>(pool.threads()) * width);
  Index const share =
      static_cast<Index>(values.size()) / pool.threads() / (8 * width) * (8 * width);
  Index const passes = std::max<Index>(1, (Index{256} << 20) / bytes);
  auto const samples = time_samples(5, [&] {
    pool.parallel_for(pool.threads(), [&](Index task) {
      Packet sums[8];
      for (auto& sum : sums) sum = Eigen::internal::pset1<Packet>(0.0F);
      for (Index pass = 0; pass < passes; ++pass)
        for (Index i = task * share; i < (task + 1) * share; i += 8 * width)
          for (Index j = 0; j < 8; ++j)
            sums[j] = Eigen::internal::padd(
                sums[j], Eigen::internal::ploadu<Packet>(values.data() + i + j * width));
      for (Index j = 1; j < 8; ++j) sums[0] = Eigen::internal::padd(sums[0], sums[j]);
      Eigen::internal::pstoreu(results.data() + task * width, sums[0]);
    });
  });
  double const read = static_cast<double>(share * pool.threads() * passes) * sizeof(float);
  return read / *std::min_element(samples.begin(), samples.end());
}

}  // namespace bench
