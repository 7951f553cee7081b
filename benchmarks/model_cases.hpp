/// Whole steps of two model sizes.
#pragma once

#include <string>
#include <vector>

#include <accrete/io/json.hpp>

namespace bench {

/// "S-full", "S-growth", "S-forward", "S-decode" and the same for M.
[[nodiscard]] std::vector<std::string> model_cases();

/// "S-frozen-6": growth of three blocks above six frozen ones; "S-cached-6": the same with a prefix cache that has seen
/// the data.
[[nodiscard]] std::vector<std::string> frozen_cases();

/// Runs one case in this process: {"case", "tokens_per_second", "samples", "gflops", "floor_fraction", "floor",
/// "vm_hwm_mib", "engine"}. `peak_flops` is the machine's; what
/// decoding is compared with, the bandwidth at which its weights can be read, is measured after it.
[[nodiscard]] accrete::Json run_model_case(std::string const& name, int repeats, int threads,
                                           double peak_flops);

}  // namespace bench
