#!/usr/bin/env bash
# cmake_consumer.sh find_package|fetch_content: builds and runs the consumer, and looks at the flags it was given.
set -euo pipefail
build=$SCRATCH/$1
rm -rf "$build"
case $1 in
  find_package) from=-DCMAKE_PREFIX_PATH=$SCRATCH/prefix ;;
  fetch_content) from=-DFETCHCONTENT_SOURCE_DIR_ACCRETE=$SOURCE ;;
esac
"$CMAKE" -S "$SOURCE/tests/packaging/consumer" -B "$build" -G "$GENERATOR" -DCMAKE_CXX_COMPILER="$CXX" \
  -DACCRETE_BY="$1" "$from"
"$CMAKE" --build "$build" --parallel 2
for program in "$build"/example "$build"/with_*; do
  [[ -x $program ]] && "$program"
done

# The plain target adds include folders and the language, nothing else.
command=$(grep -E '"command".* -o CMakeFiles/example\.dir/' "$build/compile_commands.json")
foreign=$(tr ' ' '\n' <<<"$command" | grep -E '^-' |
  grep -vE '^-(I.*|isystem|std=.*|o|c|pthread)$' || true)
if [[ -z $command || -n $foreign ]]; then
  printf 'flags that the user did not ask for: %s\n' "$foreign"
  exit 1
fi
