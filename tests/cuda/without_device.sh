#!/usr/bin/env bash
# without_device.sh PROGRAM TEXT CHECKPOINT: where no device is, the program says so in one sentence and ends with 1.
set -uo pipefail
answer=$("$1" "$2" "$3" 2>&1)
code=$?
printf '%s\n' "$answer"
if [[ $code == 0 ]]; then exit 0; fi  # there is a device
[[ $code == 1 && $answer =~ ^(no CUDA device: |the CUDA driver is too old: )[^$'\n']+$ ]]
