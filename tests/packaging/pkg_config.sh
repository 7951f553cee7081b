#!/usr/bin/env bash
# One compiler and pkg-config are enough, for the library and for each component that was found.
set -euo pipefail
export PKG_CONFIG_PATH=$SCRATCH/prefix/share/pkgconfig
cd "$SCRATCH"

echo "g++ \$(pkg-config --cflags accrete): $(pkg-config --cflags accrete)"
# shellcheck disable=SC2046  # the flags are words
"$CXX" $(pkg-config --cflags accrete) "$SOURCE/tests/packaging/consumer/example.cpp" -o by_pkg_config
./by_pkg_config

for file in "$PKG_CONFIG_PATH"/accrete-*.pc; do
  component=$(basename "$file" .pc)
  # shellcheck disable=SC2046
  "$CXX" $(pkg-config --cflags "$component") "$SOURCE/tests/packaging/consumer/components/${component#accrete-}.cpp" \
    -o "by_pkg_config_$component" $(pkg-config --libs "$component")
  "./by_pkg_config_$component"
done

foreign=$(pkg-config --cflags accrete | tr ' ' '\n' | grep -vE '^(-I.*|-std=.*|)$' || true)
if [[ -n $foreign ]]; then
  printf 'flags that the user did not ask for: %s\n' "$foreign"
  exit 1
fi
