#!/bin/sh
# Fetches the text of the demo: Debian packages, unpacked into a cache folder, never installed.
#
#   fetch_demo_text.sh [FOLDER]
#
# FOLDER is $XDG_CACHE_HOME/accrete/text, or out/cache/text where that variable is not set. The folder's path is the
# only thing written to standard output. Packages that are there already are left alone.
set -eu

packages="libreoffice-help-en-us libreoffice-help-ru libreoffice-help-zh-cn debian-handbook installation-guide-amd64"

if [ $# -gt 0 ]; then
  folder=$1
elif [ -n "${XDG_CACHE_HOME:-}" ]; then
  folder=$XDG_CACHE_HOME/accrete/text
else
  folder=$(dirname "$0")/../out/cache/text
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

missing=
for package in $packages; do
  [ -e "$folder/$package/version" ] || missing="$missing $package"
done

fail() {
  echo "fetch_demo_text: $1" >&2
  exit 1
}

if [ -n "$missing" ]; then
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    fail "the demo's text comes as Debian packages, and this system has no apt-get and dpkg-deb.
  Use text of your own: ./run demo --text en=PATH --text ru=PATH --text zh=PATH
  or unpack these packages yourself, each into a folder of its name below $folder,
  with its version in a file named version:$missing"
  fi
  # The temporary folder stands beside the result, so that a rename can finish it.
  work=$(mktemp -d "$folder/.fetch.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  chmod 755 "$work"
  for package in $missing; do
    echo "fetch_demo_text: $package" >&2
    (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" >log 2>&1) ||
      fail "apt-get could not download $package:
$(sed 's/^/  /' "$work/log")
  Is the machine online, and are the package lists there (sudo apt-get update)?"
    archive=$(find "$work" -name "${package}_*.deb")
    mkdir "$work/$package"
    dpkg-deb -x "$archive" "$work/$package" || fail "dpkg-deb could not unpack $package"
    dpkg-deb -f "$archive" Version >"$work/$package/version"
    rm "$archive"
    rm -rf "${folder:?}/$package"
    mv "$work/$package" "$folder/$package"
  done
fi
echo "$folder"
