#!/usr/bin/env bash
# run.sh [--part N] [--out FOLDER]: tests and measures accrete's CUDA backend on this machine's card: part-N.json and
# part-N.log for each of the parts 1 to 4, each of which takes 9 minutes at most. Ends with 1 if anything failed.
#   1  every test          2  compute-sanitizer: memcheck, initcheck
#   3  racecheck, synccheck     4  benchmarks, and PyTorch beside them
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

usage() { sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; }
parts=(1 2 3 4) out=results
while (($#)); do
  case $1 in
    --part) [[ ${2:-} =~ ^[1-4]$ ]] || { usage >&2; exit 2; }; parts=("$2"); shift 2 ;;
    --out) [[ -n ${2:-} ]] || { usage >&2; exit 2; }; out=$2; shift 2 ;;
    --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
done
mkdir -p "$out" || exit 1
./accrete-gpu-bench --case machine --repeats 1 >/dev/null || exit 1  # says what is wrong with card or driver
failed=0

# What a sanitizer slows down a hundredfold runs at small sizes: all models, and one case of each operation.
reduced=(--run_test='cuda_decoder:cuda_decode_kernels:cuda_growth:cuda_growth_run:*/matches_pytorch*')

quote() { printf '"%s"' "$(sed 's/[\\"]/\\&/g' <<<"$1")"; }
card() { nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>&1 | head -1; }

# step NAME SECONDS COMMAND...: one entry of the part's JSON, all output in its log.
steps=""
step() {
  local name=$1 limit=$2 begin=$SECONDS code
  shift 2
  printf '==> %s: %s\n' "$name" "$*" | tee -a "$log"
  timeout --kill-after=10 "$limit" "$@" 2>&1 | tee -a "$log"
  code=${PIPESTATUS[0]}
  ((code)) && failed=1
  steps+="${steps:+, }{\"name\": $(quote "$name"), \"code\": $code, \"seconds\": $((SECONDS - begin))}"
}
skip() {
  printf '==> %s: left out, %s\n' "$1" "$2" | tee -a "$log"
  steps+="${steps:+, }{\"name\": $(quote "$1"), \"left_out\": $(quote "$2")}"
}

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
sanitize() {
  local tool
  for tool; do
    if [[ -n $sanitizer ]]; then
      step "$tool" 240 "$sanitizer" --tool "$tool" --error-exitcode 99 ./accrete-gpu-tests --color_output=no "${reduced[@]}"
    else
      skip "$tool" "no compute-sanitizer here"
    fi
  done
}

# Each case: ours, decoding also by kernels of our own, then PyTorch's, eager and compiled.
cases=(full growth cached decode ensemble)
figures=""
figure() {
  local answer left=$((end_of_part - SECONDS))
  ((left > 0)) || { skip "$*" "the part's time is over"; return; }
  answer=$(timeout --kill-after=10 $((left < 120 ? left : 120)) "$@" 2> >(tee -a "$log" >&2)) || failed=1
  printf '%s\n' "$answer" | tee -a "$log"
  [[ $answer == "{"* ]] && figures+="${figures:+, }$answer"
}
benchmarks() {
  figure ./accrete-gpu-bench --case machine
  local name
  for name in "${cases[@]}"; do
    figure ./accrete-gpu-bench --case "$name"
    [[ $name == decode || $name == ensemble ]] && figure ./accrete-gpu-bench --case "$name" --decode-kernels
    if ! python3 -c 'import torch' 2>/dev/null; then
      skip "PyTorch: $name" "no PyTorch here"
    elif [[ $name != cached ]]; then  # PyTorch offers no such thing
      figure python3 pytorch_gpu_peer.py --case "$name"
      figure python3 pytorch_gpu_peer.py --case "$name" --compile
    fi
  done
}

for part in "${parts[@]}"; do
  log=$out/part-$part.log steps="" figures="" end_of_part=$((SECONDS + 500))
  : >"$log"
  case $part in
    1) step tests 500 ./accrete-gpu-tests --color_output=no --log_level=test_suite ;;
    2) sanitize memcheck initcheck ;;
    3) sanitize racecheck synccheck ;;
    4) benchmarks ;;
  esac
  printf '{"part": %s, "card": %s, "date": "%s", "steps": [%s], "figures": [%s]}\n' "$part" "$(quote "$(card)")" \
    "$(date -u +%Y-%m-%dT%H:%MZ)" "$steps" "$figures" >"$out/part-$part.json"
  printf '%s\n' "$out/part-$part.json"
done
exit $failed
