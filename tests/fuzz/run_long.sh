#!/usr/bin/env bash
# tests/fuzz/run_long.sh SECONDS FOLDER [READER...]
#
# Fuzzes each reader for so many seconds and prints what came of it: inputs tried in all runs so far, failures, and the
# share of the reader's lines that the inputs found reach. FOLDER keeps the programs, the inputs and totals.tsv; a later run
# goes on from there. TMPDIR=/dev/shm makes the readers of files several times as fast. Needs clang++, and llvm-profdata and
# llvm-cov of the same version.
set -euo pipefail
(($# >= 2)) || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
seconds=$1
mkdir -p "$2/bin"
folder=$(cd "$2" && pwd)
shift 2
readers=("$@")
((${#readers[@]})) || readers=(json safetensors tokenizer_json substrate token_shard growth_plan ngram_list hex_font
                                  checkpoint ensemble_manifest)

# What belongs to a reader, below include/accrete; coverage is counted there.
declare -A sources=(
  [json]="io/json_number io/json_parser io/json_reader io/json_string io/utf8_check"
  [safetensors]="io/safetensors_header_parser io/safetensors_reader io/safetensors_hashes io/tensor_info io/tensor_conversion"
  [tokenizer_json]="text/json_path_reader text/tokenizer_json text/tokenizer_json_assembly text/tokenizer_json_model
                    text/tokenizer_json_parts text/tokenizer_json_rules text/token_table"
  [substrate]="substrate/substrate_file substrate/substrate_identity substrate/substrate text/vocabulary_json"
  [token_shard]="data/token_shard"
  [growth_plan]="text/json_path_reader train/growth_plan_json train/growth_plan_check"
  [ngram_list]="text/ngram_list text/python_literal_reader"
  [hex_font]="substrate/glyph/hex_font substrate/glyph/hex_lines"
  [checkpoint]="train/checkpoint_reader"
  [ensemble_manifest]="train/ensemble_manifest"
)

compile() {  # OUTPUT READER FLAG...
  [[ $1 -nt $here/$2.cpp && -z $(find "$root/include" -newer "$1" -name '*.hpp' -print -quit) ]] && return
  local output=$1 reader=$2
  shift 2
  clang++ -std=c++20 -O1 -g1 "$@" -I"$root/include" -I"$root/tests" -isystem "${EIGEN:-/usr/include/eigen3}" \
    "$here/$reader.cpp" -o "$output" -pthread
}

covered_lines() {  # READER: percent of lines
  local profile=$folder/$1.profraw files=()
  compile "$folder/bin/cover_$1" "$1" -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping
  LLVM_PROFILE_FILE=$profile "$folder/bin/cover_$1" -runs=0 "$folder/$1" "$here/seeds/$1" >"$folder/$1.cover.log" 2>&1
  llvm-profdata merge -sparse "$profile" -o "$profile.merged"
  for source in ${sources[$1]}; do files+=("$root/include/accrete/$source.hpp"); done
  llvm-cov report "$folder/bin/cover_$1" -instr-profile "$profile.merged" "${files[@]}" | awk '/^TOTAL/ {print $10}'
}

touch "$folder/totals.tsv"
printf '%-16s %10s %14s %9s %8s\n' reader seconds inputs failures lines
for reader in "${readers[@]}"; do
  mkdir -p "$folder/$reader"
  compile "$folder/bin/$reader" "$reader" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
  failed=0
  log=$folder/$reader.log
  if ((seconds > 0)); then
    "$folder/bin/$reader" -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 \
      -dict="$here/dictionaries/$reader.txt" -artifact_prefix="$folder/failure-$reader-" -print_final_stats=1 \
      "$folder/$reader" "$here/seeds/$reader" >"$log" 2>&1 || failed=1
    inputs=$(awk '/stat::number_of_executed_units/ {print $2}' "$log")
    printf '%s\t%s\t%s\t%s\n' "$reader" "$seconds" "${inputs:-0}" "$failed" >>"$folder/totals.tsv"
  fi
  awk -F'\t' -v reader="$reader" -v lines="$(covered_lines "$reader")" '
    $1 == reader {seconds += $2; inputs += $3; failures += $4}
    END {printf "%-16s %10d %14d %9d %8s\n", reader, seconds, inputs, failures, lines}' "$folder/totals.tsv"
done
