#!/usr/bin/env bash
# Installs accrete alone into $SCRATCH/prefix; `uninstall.sh` takes it away again.
set -euo pipefail
rm -rf "$SCRATCH/build" "$SCRATCH/prefix"
"$CMAKE" -S "$SOURCE" -B "$SCRATCH/build" -G "$GENERATOR" -DCMAKE_CXX_COMPILER="$CXX" \
  -DCMAKE_INSTALL_PREFIX="$SCRATCH/prefix" -DACCRETE_BUILD_TESTS=OFF -DACCRETE_BUILD_EXAMPLES=OFF \
  -DACCRETE_BUILD_BENCHMARKS=OFF
"$CMAKE" --build "$SCRATCH/build" --target install
