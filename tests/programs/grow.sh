#!/usr/bin/env bash
# accrete-grow from end to end: grow.sh GROW SUBSTRATE TOKENIZE, the three programs. Ends with 0 if all is as it should be.
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
program=$1
substrate_program=$2
tokenize=$3

# A text, a vocabulary, a substrate, shards.
for i in $(seq 400); do printf 'Line %s: the cat %s sat on mat %s.\n' "$i" $((i * 7 % 31)) $((i * 5 % 17)); done >text.txt
tail -n 50 text.txt >held.txt
"$tokenize" train --quiet --size 400 --out vocabulary.json text.txt || expect "training the vocabulary" 0 $?
"$substrate_program" build --quiet --font "$source_dir/tests/substrate/fonts/outlines.ttf" --vocabulary vocabulary.json \
  --width 16 --out substrate.safetensors >/dev/null || expect "building the substrate" 0 $?
"$tokenize" shard --quiet --vocabulary vocabulary.json --out train.shard text.txt || expect "writing a shard" 0 $?
"$tokenize" shard --quiet --vocabulary substrate.safetensors --out held.shard held.txt || expect "writing a shard" 0 $?
"$tokenize" train --quiet --size 400 --max-n 2 --out other.json text.txt
"$tokenize" shard --quiet --vocabulary other.json --out other.shard text.txt

# Counting needs no text and no memory.
says "the published active parameters" "104,952,832" \
  "$(ulimit -v 4000000; "$program" --plan "$source_dir/examples/plans/glyph-3-3-3.json" --count)"
says "the published total as JSON" '"total":2282061824,' \
  "$(ulimit -v 4000000; "$program" --plan "$source_dir/examples/plans/abs-bvv-one-by-one.json" --count --json)"

cat >plan.json <<'JSON'
{"format": "accrete growth plan", "version": 1, "name": "test",
 "model": {"embedding": {"kind": "frozen_glyph"}, "block": {"model_dim": 32, "head_count": 2, "hidden_dim": 64}},
 "training": {"batch": 4, "time": 16, "validate_every": 20, "validation_tokens": 200},
 "defaults": {"budget": {"steps": 40}, "schedule": {"warmup_steps": 4, "learning_rate": 0.003}},
 "stages": [
   {"blocks": 1},
   {"blocks": 1, "start": "zero_output", "moments": "kept",
    "lora": {"rank": 2, "alpha": 4, "budget": {"plateau": {"patience": 1, "minimal_improvement": 9, "most_steps": 99}},
             "schedule": {"learning_rate": 0.001}}},
   {"blocks": 1, "start": "middle", "moments": "copied", "budget": {"tokens": 1000}}]}
JSON
says "a count by the substrate" "adapters of block 0" \
  "$("$program" --plan plan.json --substrate substrate.safetensors --count)"
grow=("$program" --plan plan.json --substrate substrate.safetensors --tokens train.shard --validation held.shard --threads 1)

# In one go: 40 + 40 + 40 (the second validation sees a plateau) + 16 (1000 tokens) steps.
result=$("${grow[@]}" --quiet --json --out whole) || expect "growing" 0 $?
says "the result" '{"finished":true,"depth":3,"steps":136,' "$result"
says "the result" '"validation_loss":' "$result"
says "a finished run" "$result" "$("${grow[@]}" --quiet --json --out whole --keep-last 2)"
says "a finished run without a folder of checkpoints" "$result" "$("${grow[@]}" --quiet --json --out whole)"
expect "rows of steps" 137 "$(wc -l <whole/steps.csv)"
expect "rows of stages" "1 blocks, 41 blocks, 81 lora, 121 blocks, " \
  "$(sed -E 's/.*"step":([0-9]+),.*"phase":"([a-z]+)".*/\1 \2/' whole/stages.jsonl | tr '\n' ',' | sed 's/,/, /g')"

"${grow[@]}" --quiet --out cached --prefix-cache 16 || expect "growing with a prefix cache" 0 $?
cmp whole/checkpoint.safetensors cached/checkpoint.safetensors || expect "the checkpoint with a prefix cache" equal different

# Several checkpoints, written beside the training: the same bits; the best is that of the lowest validation loss.
"${grow[@]}" --quiet --out several --checkpoint-every 20 --keep-last 2 --background || expect "growing with several checkpoints" 0 $?
best=$(sed 1d whole/steps.csv | awk -F , '$8 != "" && $1 % 20 == 0 {print $8, $1}' | sort -g | head -n 1 | cut -d ' ' -f 2)
expect "the checkpoints that are kept" "$(printf 'step-%08d.safetensors\n' "$best" 120 136 | sort -u)" "$(ls several/checkpoints)"
says "going on with several" '"steps":136,' "$("${grow[@]}" --quiet --json --out several --keep-last 2)"
refuse 1 "give --keep-last, too" "${grow[@]}" --quiet --out several
refuse 2 "--background: give --keep-last" "${grow[@]}" --quiet --out several --background

# Interrupted by Ctrl-C, SIGTERM and kill -9, then gone on: the same bits.
declare -A status_of=([INT]=130 [TERM]=143 [KILL]=137)
for signal in INT TERM KILL; do
  out="cut $signal"
  "${grow[@]}" --out "$out" --checkpoint-every 1 2>"$signal.txt" &
  running=$!
  for _ in $(seq 1000); do
    [[ -f $out/steps.csv && $(wc -l <"$out/steps.csv") -gt 50 ]] && break
    sleep 0.01
  done
  kill -s $signal $running
  wait $running 2>/dev/null
  status=$?
  expect "the status after $signal" ${status_of[$signal]} $status
  [[ $signal == KILL ]] || says "what is said after $signal" "the same command goes on from $out/checkpoint" "$(cat $signal.txt)"
  "${grow[@]}" --out "$out" 2>again.txt || expect "going on" 0 $?
  says "what is said when it goes on" "going on from $out/checkpoint.safetensors, step " "$(cat again.txt)"
  cmp whole/checkpoint.safetensors "$out/checkpoint.safetensors" || expect "the checkpoint after $signal" equal different
  expect "the rows after $signal" "$(cut -d , -f 1-5 whole/steps.csv)" "$(cut -d , -f 1-5 "$out/steps.csv")"
  expect "the stages after $signal" "$(cat whole/stages.jsonl)" "$(cat "$out/stages.jsonl")"
done

# At any time, as often as ACCRETE_TEST_SIGNALS says: a run that goes on after each signal ends with the same bits.
signals=0 runs=0
while ((signals < ${ACCRETE_TEST_SIGNALS:-10})); do
  signal=TERM
  ((signals % 2)) && signal=INT
  "${grow[@]}" --quiet --out "signals $runs" 2>/dev/null &
  running=$!
  until [[ $(readlink "/proc/$running/exe") == */accrete-grow || ! -e /proc/$running/exe ]]; do :; done
  sleep 0.$((RANDOM % 3))$((RANDOM % 10))
  kill -s $signal $running 2>/dev/null
  wait $running
  status=$?
  if [[ $status == 0 ]]; then
    cmp whole/checkpoint.safetensors "signals $runs/checkpoint.safetensors" || expect "the checkpoint after signals" equal different
    runs=$((runs + 1))
  else
    expect "the status after $signal" ${status_of[$signal]} $status
    signals=$((signals + 1))
  fi
done
"${grow[@]}" --quiet --out "signals $runs" || expect "going on" 0 $?
cmp whole/checkpoint.safetensors "signals $runs/checkpoint.safetensors" || expect "the checkpoint after signals" equal different
printf '%s signals in %s runs\n' $signals $((runs + 1))

# A step that takes long: another process is refused, a second signal ends it at once.
sed -e 's/"batch": 4,/"batch": 4, "accumulation": 1000000,/' -e 's/"warmup_steps": 4, //' plan.json >slow.json
"$program" --plan slow.json --substrate substrate.safetensors --tokens train.shard --validation held.shard --threads 1 --out slow 2>slow.txt &
running=$!
cpu_ticks() { cut -d " " -f 14 "/proc/$1/stat"; }
until (($(cpu_ticks $running) > 2 * $(getconf CLK_TCK))); do sleep 0.1; done  # loading takes less: the step has begun
refuse 1 "slow/accrete.lock: process $running works in this folder" \
  "$program" --plan slow.json --substrate substrate.safetensors --tokens train.shard --validation held.shard --out slow
kill -s TERM $running
until grep -q "once more" slow.txt || [[ ! -e /proc/$running/exe ]]; do sleep 0.1; done
kill -s TERM $running 2>/dev/null || expect "a step that takes long" "still running" "ended"
wait $running
expect "the status after a second signal" 143 $?
says "what is said after a signal" "once more: end at once" "$(cat slow.txt)"
[[ ! -e slow/checkpoint.safetensors ]] || expect "a checkpoint after a second signal" none one

# A changed bit is found.
mkdir changed
cp whole/* changed
printf '\x55' | dd of=changed/checkpoint.safetensors bs=1 seek=$(($(stat -c %s changed/checkpoint.safetensors) - 3)) conv=notrunc status=none
refuse 1 "does not have the SHA-256 that was saved with it" "${grow[@]}" --quiet --out changed
"${grow[@]}" --quiet --out changed --no-verify || expect "going on from a damaged checkpoint, unverified" 0 $?

# Errors: 1 for files and plans, 2 for usage; nothing is written.
sed 's/"patience"/"patient"/' plan.json >bad.json
refuse 1 "stages[1].lora.budget.plateau.patient: an unknown key; the nearest known one is patience" \
  "$program" --plan bad.json --count
sed 's/"rank": 2/"rank": 33/' plan.json >bad.json
refuse 1 "bad.json: stages[1].lora.rank: expected 1 to 32" "$program" --plan bad.json --count
refuse 1 "plan.json: model.vocabulary_size: the plan leaves it to the substrate" "$program" --plan plan.json --count
refuse 1 "stages[1]: a plateau is seen by validations" \
  "$program" --plan plan.json --substrate substrate.safetensors --tokens train.shard --out none
sed 's/"hidden_dim": 64/"hidden_dim": 64, "norm": "rms_norm"/' plan.json >rms.json
refuse 1 "accrete_add_programs" "$program" --plan rms.json --substrate substrate.safetensors --tokens train.shard --out none
refuse 1 "other.shard: its 400 tokens are those of another vocabulary" \
  "$program" --plan plan.json --substrate substrate.safetensors --tokens other.shard --validation held.shard --out none
sed 's/"steps": 40/"steps": 41/' plan.json >other_plan.json
refuse 1 "belongs to another plan: they differ in stages[0].budget.steps" \
  "$program" --plan other_plan.json --substrate substrate.safetensors --tokens train.shard --validation held.shard --out whole
refuse 1 "missing.json" "$program" --plan missing.json --count
refuse 2 "--tokens is missing" "$program" --plan plan.json --substrate substrate.safetensors
refuse 2 "see --help" "$program"
refuse 2 "unrecognised option" "$program" --plna plan.json
expect "folders of refused runs" "" "$(find . -name 'none*')"
says "the help" "accrete-grow --plan FILE" "$("$program" --help)"

finish
