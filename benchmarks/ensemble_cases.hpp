/// Two experts as one ensemble, which runs them side by side, and one after the other.
#pragma once

#include <accrete/io/json.hpp>

namespace bench {

/// For experts of several widths: milliseconds of a decoded token, with and without its logits, both ways taken in
/// alternation, and their ratio.
[[nodiscard]] accrete::Json run_ensemble_cases(int repeats, int threads);

}  // namespace bench
