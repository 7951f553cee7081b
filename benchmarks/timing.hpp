/// Samples of time.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace bench {

[[nodiscard]] inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Runs `f` until `repeats` samples are taken (after one that is not counted); seconds of each.
template <class F>
[[nodiscard]] std::vector<double> time_samples(int repeats, F&& f) {
  std::vector<double> samples;
  for (int i = 0; i <= repeats; ++i) {
    double const start = seconds_now();
    f();
    if (i > 0) samples.push_back(seconds_now() - start);
  }
  return samples;
}

[[nodiscard]] inline double median(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  std::size_t const half = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}

}  // namespace bench
