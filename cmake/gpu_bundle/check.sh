#!/usr/bin/env bash
# check.sh FOLDER: the bundle starts wherever the driver, CUDA 13 and a C library from 2021 on are, and is small.
set -euo pipefail
folder=$1 failed=0
complain() { printf 'gpu-bundle: %s\n' "$*" >&2; failed=1; }

for program in "$folder"/accrete-gpu-{tests,bench}; do
  newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu | tail -1)
  [[ $(printf '%s\nGLIBC_2.34\n' "$newest" | sort -V | tail -1) == GLIBC_2.34 ]] ||
    complain "$program needs $newest: $(objdump -T "$program" | grep "$newest" | awk '{print $NF}' | tr '\n' ' ')"
  while read -r library; do
    case $library in
      libcublasLt.so.* | libcudart.so.* | libc.so.* | libm.so.* | libgcc_s.so.* | ld-linux*) ;;
      *) complain "$program needs $library" ;;
    esac
  done < <(objdump -p "$program" | awk '/NEEDED/ {print $2}')
done
size=$(du -sm "$folder" | cut -f 1)
((size < 60)) || complain "$folder takes $size MB"
((failed)) || printf '%s: %s MB; copy it to a machine with a card and run ./run.sh there\n' "$folder" "$size"
exit $failed
