/// Single operations at the shapes of a block.
#pragma once

#include <accrete/io/json.hpp>

namespace bench {

/// An array of {"case", "milliseconds", "gflops", "floor_fraction"}: products forward and backward, attention,
/// classifier with loss, at the sizes of S and M.
[[nodiscard]] accrete::Json run_kernel_cases(int repeats, int threads, double peak_flops);

}  // namespace bench
