#!/usr/bin/env bash
# Seconds of user time to compile, at -O2: the umbrella header alone, one decoder that trains and generates, two of them.
# Usage: compile_time.sh [COMPILER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compiler=${1:-${CXX:-g++}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/headers.cpp" <<'CPP'
#include <accrete/accrete.hpp>
CPP
expert() {  # expert NAME WIDTH POLICIES
  cat <<CPP
inline constexpr accrete::BlockConfig $1_sizes{.model_dim = $2, .head_count = 8, .hidden_dim = 4 * $2};
using $1 = accrete::Decoder<accrete::FrozenGlyphEmbedding,
    accrete::Growable<accrete::Stack<accrete::TransformerBlock<$1_sizes, accrete::CpuBackend$3>>>>;
std::string use_$1(accrete::Substrate const& substrate, accrete::Batches& batches) {
  $1 model{accrete::CpuBackend(), substrate, {.seed = 1, .planned_depth = 9}};
  model.body().grow(3);
  accrete::Trainer{model, accrete::AdamW{.learning_rate = 3e-4f}}.fit(batches);
  return accrete::generate(model, "x");
}
CPP
}
{ cat "$work/headers.cpp"; expert first 256 ""; } >"$work/one.cpp"
{ cat "$work/one.cpp"; expert second 512 ", accrete::RmsNorm, accrete::Swiglu"; } >"$work/two.cpp"

for source in headers one two; do
  TIMEFORMAT="$source %U s"
  time "$compiler" -std=c++20 -O2 -Iinclude $(pkg-config --cflags eigen3 | sed 's/-I/-isystem /g') -c "$work/$source.cpp" \
    -o "$work/$source.o"
done
