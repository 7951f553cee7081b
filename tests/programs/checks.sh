# What every script of this folder begins with: a scratch folder, where it runs, and checks that count what fails.
set -uo pipefail
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
# (A child that a signal reaches before it has become its program may run this, too.)
trap '[[ $BASHPID == "$$" ]] && rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

# expect WHAT WANTED GOT
expect() {
  [[ $2 == "$3" ]] && return
  printf '%s:\n  expected %s\n  got      %s\n' "$1" "$2" "$3"
  failures=$((failures + 1))
}
# says WHAT PART GOT
says() { [[ $3 == *"$2"* ]] || expect "$1" "... $2 ..." "$3"; }
# refuse STATUS PART COMMAND...: it ends with the status and says the part.
refuse() {
  local status=$1 part=$2 output
  shift 2
  output=$("$@" 2>&1 >/dev/null </dev/null)
  expect "the status of $*" "$status" $?
  says "what $* says" "$part" "$output"
}
# The last line of a script: ends with 0 if nothing failed.
finish() {
  ((failures)) && printf '%s failures\n' "$failures"
  exit $((failures > 0))
}
