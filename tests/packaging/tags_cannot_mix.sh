#!/usr/bin/env bash
# Translation units for different vector units or engines hold different code under the same names. The tag in the
# namespace makes that a link error.
set -euo pipefail
mkdir -p "$SCRATCH/tags"
cd "$SCRATCH/tags"
cat >part.hpp <<'CPP'
#include <accrete/core/macros.hpp>
ACCRETE_BEGIN_NAMESPACE
class Error;
ACCRETE_END_NAMESPACE
void report(accrete::Error*);
CPP
cat >definition.cpp <<'CPP'
#include "part.hpp"
void report(accrete::Error*) {}
CPP
cat >use.cpp <<'CPP'
#include "part.hpp"
int main() { report(nullptr); }
CPP

variants=("" "-DACCRETE_USE_CBLAS")
if [[ $(uname -m) == x86_64 ]]; then
  variants+=("-mavx" "-mavx2 -mfma" "-mavx512f")
fi
for i in "${!variants[@]}"; do
  for unit in definition use; do
    # shellcheck disable=SC2086  # the flags are words
    "$CXX" -std=c++20 -I"$SOURCE/include" ${variants[i]} -c $unit.cpp -o "$unit$i.o"
  done
done

for i in "${!variants[@]}"; do
  for j in "${!variants[@]}"; do
    linked=no
    "$CXX" "definition$i.o" "use$j.o" -o program 2>linker.log && linked=yes
    if [[ $i == "$j" && $linked == no || $i != "$j" && $linked == yes ]]; then
      echo "linked: $linked, for '${variants[i]}' and '${variants[j]}'"
      cat linker.log
      exit 1
    fi
    if [[ $linked == no ]] && ! grep -q 'undefined reference.*report' linker.log; then
      cat linker.log
      exit 1
    fi
  done
done
