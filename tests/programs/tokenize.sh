#!/usr/bin/env bash
# accrete-tokenize from end to end: tokenize.sh PROGRAM. Ends with 0 if all is as it should be.
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
program=$1

for i in $(seq 300); do printf 'The cat sat on mat %s. Кошка сидела на коврике.\n' "$i"; done >text.txt
"$program" train --quiet --size 500 --memory 16M --threads 2 --out small.json text.txt || expect train 0 $?
expect "the report of train" '{"file":"again.json","tokens":500,' \
  "$("$program" train --quiet --json --size 500 --threads 1 --out again.json text.txt | cut -c 1-34)"
expect "one vocabulary for any memory and threads" "$(cat small.json)" "$(cat again.json)"

printf '%s\n' '"The cat сидела 😀"' '""' '"\u0000\ud83d\ude00\n"' >lines.jsonl
"$program" encode --vocabulary small.json lines.jsonl >ids.txt || expect encode 0 $?
expect "lines of ids" 3 "$(wc -l <ids.txt)"
expect "ids from a pipe" "$(cat ids.txt)" "$("$program" encode --quiet --vocabulary small.json <lines.jsonl)"
expect "decoding inverts" '"The cat сидела 😀"' "$("$program" decode --vocabulary small.json ids.txt | head -1)"
expect "arrays of ids" "$("$program" decode --vocabulary small.json ids.txt)" \
  "$("$program" encode --json --vocabulary small.json lines.jsonl | "$program" decode --vocabulary small.json)"

"$program" convert --vocabulary small.json --out tokenizer.json || expect convert 0 $?
expect "the same ids by tokenizer.json" "$(cat ids.txt)" \
  "$("$program" encode --vocabulary tokenizer.json lines.jsonl)"
expect "counts" '"tokens":' "$("$program" count --json --vocabulary small.json text.txt | grep -o '"tokens":')"
tokens=$("$program" encode --plain --vocabulary small.json <<<'"a\n"' | wc -w)
printf 'a\n' >a.txt
: >empty.txt
expect "a shard has marks around each document" "{\"file\":\"a.shard\",\"tokens\":$((2 * tokens + 4))}" \
  "$("$program" shard --quiet --json --vocabulary small.json --out a.shard a.txt empty.txt a.txt)"
refuse 2 "shard needs --out" "$program" shard --vocabulary small.json a.txt
[[ $("$program" --help) == *"encode|decode"* ]] || expect help "encode|decode" "something else"

refuse 2 "unknown command" "$program" explain
refuse 2 "--vocabulary" "$program" encode
refuse 2 "unrecognised option" "$program" encode --vocabulry small.json
refuse 2 "--memory" "$program" train --memory 5X --out x.json text.txt
refuse 2 "--ngrams" "$program" encode --vocabulary bvv241-2-3
refuse 1 "missing.json" "$program" encode --vocabulary missing.json
printf '"ok"\n"a" "b"\n' >bad.jsonl
refuse 1 "bad.jsonl: offset 9" "$program" encode --vocabulary small.json bad.jsonl
printf '1 2\n3 999999\n' >bad.txt
refuse 1 "bad.txt: offset 4" "$program" decode --vocabulary small.json bad.txt
printf 'ab\xff' >bad_text.txt
refuse 1 "bad_text.txt: offset 2" "$program" count --vocabulary small.json bad_text.txt
refuse 1 "bad_text.txt: offset 2" "$program" shard --quiet --vocabulary small.json --out x.shard bad_text.txt
refuse 1 "bad_text.txt: offset 2" "$program" train --quiet --out x.json bad_text.txt
sed 's/"normalizer": null/"normalizer": {"type": "NFC"}/' tokenizer.json >normalized.json
refuse 1 "normalizer is not supported" "$program" encode --vocabulary normalized.json
expect "no file half-written" "" "$(ls | grep '^x\.')"
finish
