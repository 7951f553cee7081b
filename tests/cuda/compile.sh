#!/usr/bin/env bash
# compile.sh LOG COMMAND...: runs nvcc, whose report of resources (-Xptxas -v) goes to LOG and whose other words are shown.
set -uo pipefail
log=$1
shift
"$@" 2>"$log.part"
code=$?
grep -vE '^ptxas info|bytes stack frame' "$log.part" >&2
mv "$log.part" "$log"
exit $code
