#!/usr/bin/env bash
# refused.sh COMPILE...: in each file of refused/ the compiler finds errors in the lines that say `refused: NAME`, in no
# other line of the file, and names the concept.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/refused" || exit 1
failures=0
for file in *.cpp; do
  errors=$("$@" -fsyntax-only "$file" 2>&1)
  expected=$(grep -n 'refused: ' "$file" | cut -d : -f 1)
  found=$(grep -oE "^$file:[0-9]+:[0-9]+: error" <<<"$errors" | cut -d : -f 2 | sort -nu)
  if [[ $found != "$expected" ]]; then
    printf '%s: errors in the lines %s, expected them in %s\n%s\n' "$file" "${found//$'\n'/ }" \
      "${expected//$'\n'/ }" "$errors"
    failures=1
  fi
  # shellcheck disable=SC2013  # the words are names
  for concept in $(grep -o 'refused: [A-Za-z]*' "$file" | cut -d ' ' -f 2 | sort -u); do
    if ! grep -q "$concept" <<<"$errors"; then
      printf '%s: the compiler does not name %s\n%s\n' "$file" "$concept" "$errors"
      failures=1
    fi
  done
done
exit $failures
