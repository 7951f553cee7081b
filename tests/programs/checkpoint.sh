#!/usr/bin/env bash
# accrete-checkpoint from end to end: checkpoint.sh CHECKPOINT GROW SUBSTRATE TOKENIZE, the four programs. Ends with 0 if
# all is as it should be.
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
program=$1
grow=$2
substrate_program=$3
tokenize=$4

# A checkpoint of 4 and one of 8 steps of one run.
for i in $(seq 200); do printf 'Line %s: the cat %s sat on mat %s.\n' "$i" $((i * 7 % 31)) $((i * 5 % 17)); done >text.txt
"$tokenize" train --quiet --size 400 --out vocabulary.json text.txt || expect "training the vocabulary" 0 $?
"$substrate_program" build --quiet --font "$source_dir/tests/substrate/fonts/outlines.ttf" --vocabulary vocabulary.json \
  --width 16 --out substrate.safetensors >/dev/null || expect "building the substrate" 0 $?
"$tokenize" shard --quiet --vocabulary vocabulary.json --out train.shard text.txt || expect "writing a shard" 0 $?
cat >plan.json <<'JSON'
{"format": "accrete growth plan", "version": 1, "name": "test",
 "model": {"embedding": {"kind": "frozen_glyph"}, "block": {"model_dim": 32, "head_count": 2, "hidden_dim": 64}},
 "training": {"batch": 4, "time": 16},
 "defaults": {"budget": {"steps": 4}},
 "stages": [{"blocks": 1}, {"blocks": 1}]}
JSON
"$grow" --plan plan.json --substrate substrate.safetensors --tokens train.shard --out run --quiet --checkpoint-every 7 &&
  cp run/checkpoint.safetensors new || expect "growing" 0 $?
sed 's/{"blocks": 1}, {"blocks": 1}/{"blocks": 1}/' plan.json >short.json
"$grow" --plan short.json --substrate substrate.safetensors --tokens train.shard --out short --quiet || expect "growing" 0 $?
cp short/checkpoint.safetensors old
# One with the moments of a run that was killed.
sed 's/"steps": 4/"steps": 40000/' plan.json >long.json
"$grow" --plan long.json --substrate substrate.safetensors --tokens train.shard --out long --quiet --checkpoint-every 1 &
running=$!
for _ in $(seq 1000); do
  [[ -s long/checkpoint.safetensors ]] && break
  sleep 0.01
done
kill -s KILL $running
wait $running 2>/dev/null

result=$("$program" inspect new) || expect "inspect" 0 $?
says "inspect" "format: accrete checkpoint" "$result"
says "inspect" '"stages":[1,1]' "$result"
result=$("$program" inspect new --json --tensors)
says "inspect as JSON" '{"file":"new","hashes":true,"metadata":{"format":"accrete checkpoint","format_version":"2","state":{' "$result"
says "inspect as JSON" '"parameters":{"tensors":' "$result"
says "inspect as JSON" '"sha256":"' "$result"
says "inspect a substrate" "format: accrete-substrate" "$("$program" inspect substrate.safetensors)"

expect "verify" "new: whole" "$("$program" verify new | cut -d : -f 1-2)"
result=$("$program" verify new old substrate.safetensors) || expect "verify" 0 $?
expect "verify three files" 3 "$(grep -c ': whole: ' <<<"$result")"
golden=$source_dir/tests/golden/decoder_tiny.safetensors
refuse 3 "" "$program" verify new "$golden"
says "verify without hashes" "has no hashes to compare with" "$("$program" verify "$golden")"

# Damage: one byte of two tensors, one of the header.
size=$(stat -c %s new)
cp new damaged
for place in $((size - 1)) $((size / 2)) "$(grep -abo engine new | head -1 | cut -d : -f 1)"; do
  byte=$(od -An -tu1 -j "$place" -N 1 damaged)
  printf "\\x$(printf %x $((byte ^ 4)))" | dd of=damaged bs=1 seek="$place" conv=notrunc status=none
done
result=$("$program" verify damaged)
expect "the status of damage" 1 $?
expect "what is damaged" 3 "$(grep -c '^damaged: damaged: ' <<<"$result")"
says "what is damaged" "damaged: damaged: header" "$result"
says "damage as JSON" '"whole":false,"hashes":true,' "$("$program" verify --json damaged new)"
expect "damage as JSON" 2 "$("$program" verify --json damaged new | wc -l)"
head -c 5000 new >cut
refuse 1 "" "$program" verify cut
says "a cut file" "cut: damaged: cut: offset" "$("$program" verify cut)"
refuse 1 "the header does not have the SHA-256" "$program" inspect damaged
refuse 1 "the header does not have the SHA-256" "$program" convert damaged --out plain
[[ ! -e plain ]] || expect "a converted damaged file" none one
"$program" inspect --no-verify damaged >/dev/null || expect "inspect --no-verify" 0 $?

"$program" diff new new || expect "the status of no difference" 0 $?
expect "no difference" '{"equal":true,"differences":[]}' "$("$program" diff --json new new)"
result=$("$program" diff old new)
expect "the status of a difference" 3 $?
says "a difference of structure" "metadata state." "$result"
says "a difference of values" "tensor parameter.head.linear.weight: values: " "$result"
says "a difference of tensors" ": only in the second" "$result"

"$program" convert long/checkpoint.safetensors --out plain || expect "convert" 0 $?
result=$("$program" inspect --tensors plain)
says "a plain file" "hashes: false" "$result"
says "a plain file" " head.linear.weight" "$result"
[[ $result != *moment* ]] || expect "moments in a plain file" none some
"$program" convert long/checkpoint.safetensors --moments --out plain_moments || expect "convert --moments" 0 $?
says "a plain file with moments" " first_moment." "$("$program" inspect --tensors plain_moments)"

refuse 2 "unknown command" "$program" explain new
refuse 2 "a command is missing" "$program"
refuse 2 "diff needs two files" "$program" diff new
refuse 2 "convert needs --out" "$program" convert new
refuse 1 "missing: cannot open" "$program" inspect missing
says "the help" "accrete-checkpoint inspect|verify|diff|convert" "$("$program" --help)"

finish
