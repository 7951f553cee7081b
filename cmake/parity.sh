#!/usr/bin/env bash
# parity.sh FILE BUILD_DIR: builds a consumer with the sizes of FILE in its types and one with dynamic sizes, runs both.
# Prints one line per check and, last, "parity: ok" or "parity: FAILED"; exit code 0 or 1.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
file=$1 build=$2/parity
mkdir -p "$build"

failed() { printf 'parity: FAILED\n'; exit 1; }

compile() {
  local output=$1
  shift
  local sources=(tests/parity/parity.cpp tests/parity/decoder_parity.hpp)
  if [[ -x $output && -z $(find include "${sources[@]}" cmake/parity.sh -newer "$output" -print -quit) ]]; then return; fi
  "${CXX:-g++}" -std=c++20 -O2 -march=native -Iinclude $(pkg-config --cflags eigen3 | sed 's/-I/-isystem /g') "$@" \
    tests/parity/parity.cpp -pthread -o "$output.tmp" && mv "$output.tmp" "$output"
}

compile "$build/dynamic" || failed
sizes=$("$build/dynamic" --sizes "$file") || failed
IFS=, read -r model_dim head_count hidden_dim <<<"$sizes"
static=$build/static-$model_dim-$head_count-$hidden_dim
compile "$static" "-DACCRETE_PARITY_SIZES=.model_dim=$model_dim,.head_count=$head_count,.hidden_dim=$hidden_dim" || failed

status=0
"$static" "$file" || status=1
"$build/dynamic" "$file" || status=1
((status)) && failed
printf 'parity: ok\n'
