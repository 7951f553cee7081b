/// How long checkpoints hold training up.
#pragma once

#include <accrete/io/json.hpp>

namespace bench {

/// Trains a model of size S (8,192 tokens, 6 blocks of 256) in stretches of 20 steps: without a checkpoint, with one that
/// is written before training goes on, and with one in the background, in turn, `repeats` times. Medians of seconds, and
/// by how many percent of the first the others are longer: {"steps", "file_mib", "seconds_without", "seconds_direct",
/// "seconds_background", "stall_direct_percent", "stall_background_percent"}. Files go to `out/bench-saving`, which is
/// removed.
[[nodiscard]] accrete::Json run_saving_case(int repeats, int threads);

}  // namespace bench
