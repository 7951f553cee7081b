#!/usr/bin/env bash
# resources.sh LOG TABLE: registers, stack, spills and shared memory of every kernel, for each architecture, are those of the
# table. `resources.sh LOG` prints the table anew. LOG is what nvcc -Xptxas -v says.
set -euo pipefail
report() {
  c++filt -p <"$1" | awk '
    /Compiling entry function/ {
      architecture = $0; sub(/.* for ./, "", architecture); sub(/.$/, "", architecture)
      name = $0; sub(/.*entry function ./, "", name); sub(/. for .sm_.*/, "", name)
    }
    /bytes stack frame/ { stack = $1; stores = $5; loads = $9 }
    /Used [0-9]+ registers/ {
      registers = $0; sub(/.*Used /, "", registers); sub(/ .*/, "", registers)
      shared = 0
      if (match($0, /[0-9]+ bytes smem/)) { shared = substr($0, RSTART, RLENGTH); sub(/ .*/, "", shared) }
      print architecture "\t" name "\t" registers "\t" stack "\t" stores "\t" loads "\t" shared
    }' | sed -E 's/accrete::v[0-9a-z_]+:://g; s/cuda::device_code:://g; s/run_bod(y|ies)<([^\t]*[^ \t]) ?>/\2/' | LC_ALL=C sort -u
}
if [[ $# == 1 ]]; then
  printf '# architecture\tkernel\tregisters\tbytes of stack\tspilled\tread back\tbytes of static shared memory\n'
  report "$@"
else
  diff <(grep -v '^#' "$2") <(report "$1") || {
    printf 'The kernels need other resources than %s says; where that is meant, write it anew with\n' "$2"
    printf '%s %s > %s\n' "$0" "$1" "$2"
    exit 1
  }
fi
