#!/usr/bin/env bash
# The target `uninstall` leaves neither files nor folders of accrete's behind, and nobody else's folder goes.
set -euo pipefail
touch "$SCRATCH/prefix/include/not_ours.hpp"
"$CMAKE" --build "$SCRATCH/build" --target uninstall
left=$(find "$SCRATCH/prefix" -type f -o -path '*/accrete*')
if [[ $left != "$SCRATCH/prefix/include/not_ours.hpp" ]]; then
  printf 'left behind (or gone with it):\n%s\n' "$left"
  exit 1
fi
