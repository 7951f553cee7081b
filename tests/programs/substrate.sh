#!/usr/bin/env bash
# accrete-substrate from end to end: substrate.sh PROGRAM. Ends with 0 if all is as it should be.
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
program=$1
fonts=$source_dir/tests/substrate/fonts
golden=$fonts/../golden
unifont=/usr/share/fonts/opentype/unifont/unifont.otf
unifont_hex=/usr/share/unifont/unifont.hex
unifont_marks=/usr/share/unifont/plane00-combining.txt

# Pictures, in and out of the sandbox.
printf '0061\n0062 0061\tignored\n1F600\n' >tokens.txt
outlines=(--font "$fonts/outlines.ttf")
"$program" bits "${outlines[@]}" --tokens tokens.txt >bits.tsv || expect bits 0 $?
expect "lines of bits" "0061 256;0062 0061 256;1F600 256;" \
  "$(while IFS=$'\t' read -r token bits; do printf '%s %s;' "$token" ${#bits}; done <bits.tsv)"
expect "bits out of the sandbox" "$(cat bits.tsv)" \
  "$("$program" bits "${outlines[@]}" --tokens tokens.txt --sandbox)"
says "bits as JSON" "{\"code_points\":\"0061\",\"bits\":\"$(head -1 bits.tsv | cut -f 2)\"}" \
  "$("$program" bits "${outlines[@]}" --tokens tokens.txt --json)"
refuse 1 "it took longer than 0.0001 s, the limit of the sandbox" \
  "$program" bits "${outlines[@]}" --tokens tokens.txt --sandbox --sandbox-seconds 0.0001
refuse 1 "outlines.ttf" "$program" bits "${outlines[@]}" --tokens tokens.txt --sandbox --sandbox-memory 1
refuse 1 "variable fonts are not supported" \
  "$program" bits --font "$fonts/variable.ttf" --tokens tokens.txt --sandbox
printf '0061\n00G1\n' >bad.txt
refuse 1 "bad.txt: offset 5: expected a code point in hexadecimal" \
  "$program" bits "${outlines[@]}" --tokens bad.txt

# A substrate, what it says of itself, and its pictures.
cat >vocabulary.json <<'JSON'
{"format": "accrete-vocabulary", "version": 1,
 "tokens": [{"special": "<unk>"}, "a", "b", " ", "ab", "ba", "aab", "x", "y"], "merges": [1, 2, 2, 1, 1, 4]}
JSON
build=("$program" build --quiet "${outlines[@]}" --vocabulary vocabulary.json --recipe bvv241 --width 8)
says "what build says" "9 tokens of width 8, 1 groups of equal rows" "$("${build[@]}" --out "a b.safetensors")"
says "build as JSON" '"vocabulary_size":9,"width":8,' \
  "$("${build[@]}" --out again.safetensors --json --threads 1 --sandbox)"
expect "one file for any threads and sandbox" "$(sha256sum <"a b.safetensors")" "$(sha256sum <again.safetensors)"
refuse 1 "tokens 7 (\"x\") and 8 (\"y\")" "${build[@]}" --out none --refuse-equal
refuse 1 "the font has no glyph for U+003C" "${build[@]}" --out none --missing refuse
inspected=$("$program" inspect "a b.safetensors")
says "inspect" '9 (8 text, 0 bytes, 1 special, 0 reserved), 3 merges' "$inspected"
says "look-alikes" '7="x" 8="y"' "$inspected"
says "provenance" '"font":"outlines.ttf"' "$inspected"
says "inspect as JSON" '"equal_rows":{"groups":1,"tokens":2,' "$("$program" inspect "a b.safetensors" --json)"
says "nearest" '  1.0000        8  "y"' "$("$program" nearest "a b.safetensors" x --count 2)"
says "nearest to what is no token" 'drawn for this question' \
  "$("$program" nearest "a b.safetensors" bb --count 2 "${outlines[@]}")"
for picture in page.html cells.svg table.svg spectrum.svg; do
  show=${picture%.svg}
  "$program" atlas "a b.safetensors" --out $picture "${outlines[@]}" --show "${show/page.html/cells}" >/dev/null ||
    expect "atlas of $picture" 0 $?
  says "$picture" "</svg>" "$(cat $picture)"
done
expect "pictures of the page" 3 "$(grep -c '<figure>' page.html)"

# A larger one, whose older rows stay.
says "extend" "12 tokens of width 8" \
  "$("$program" extend "a b.safetensors" --add bb c --special '<new>' --out larger.safetensors "${outlines[@]}" --quiet)"
says "ancestors" "extends      $("$program" inspect "a b.safetensors" | head -1 | cut -c 14-), 9 tokens" \
  "$("$program" inspect larger.safetensors)"
says "compare" "models on the two dock" "$("$program" compare "a b.safetensors" larger.safetensors)"
says "compare as JSON" '{"docks":true,"relation":"the first is an ancestor"' \
  "$("$program" compare "a b.safetensors" larger.safetensors --json)"
"$program" extend "a b.safetensors" --add d --out sibling.safetensors "${outlines[@]}" --quiet >/dev/null
says "siblings" "do not dock" "$("$program" compare larger.safetensors sibling.safetensors)"
refuse 1 "the same spelling as tokens[4]" \
  "$program" extend "a b.safetensors" --add ab --out none "${outlines[@]}" --quiet

# Errors: 1 for files, 2 for usage; nothing half-written.
head -c 400 "a b.safetensors" >cut.safetensors
refuse 1 "cut.safetensors: offset " "$program" inspect cut.safetensors
refuse 1 "none.safetensors" "$program" inspect none.safetensors
refuse 1 "a width from 1 to 1024" "$program" build --quiet "${outlines[@]}" --vocabulary vocabulary.json --width 2000 --out none
refuse 2 "unknown command paint; see --help" "$program" paint
refuse 2 "a command is missing" "$program"
refuse 2 "--out" "$program" build --vocabulary vocabulary.json
refuse 2 "--solver: expected portable or lapack" "${build[@]}" --out none --solver slow
refuse 2 "no new tokens" "$program" extend "a b.safetensors" --out none
refuse 2 "expected a name that ends in .html or .svg" "$program" atlas "a b.safetensors" --out picture.png
expect "files of refused commands" "" "$(find . -name 'none*')"
for command in build bits inspect atlas nearest compare extend; do
  says "the help of $command" "accrete-substrate $command" "$("$program" $command --help)"
done

# The published pictures, by both rasterizers.
for size in 32 64; do
  for font in "$unifont" "$unifont_hex"; do
    [[ -f $font && -f $golden/bvv241_glyphs_$size.tsv ]] || continue
    marks=()
    [[ $font == *.hex ]] && marks=(--marks "$unifont_marks")
    "$program" bits --recipe bvv241 --size $size --font "$font" "${marks[@]}" \
      --tokens "$golden/bvv241_glyphs_$size.tsv" | cmp - "$golden/bvv241_glyphs_$size.tsv" ||
      expect "published pictures of size $size by $font" equal different
  done
done

finish
