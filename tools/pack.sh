#!/bin/bash
# Put a launcher, a runtime and a program together into one executable.
#
#   tools/pack.sh LAUNCHER RUNTIME PROGRAM OUTPUT [ARGUMENT…]
#
# ARGUMENT…: what the runtime gets before the program. tools/launcher/pack.h describes the format.
# The compressed runtime is kept in dist/.build: compressing it takes about ten seconds of two processors.
set -euo pipefail

launcher=$1 runtime=$2 program=$3 output=$4
arguments=("${@:5}")
kept=$(cd "$(dirname "$0")/.." && pwd)/dist/.build
mkdir -p "$kept"
work=$(mktemp -d "$kept/pack.XXXXXX")
trap 'rm -rf "$work"' EXIT

sum_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# compress FILE COMPRESSED. Level 12 with a window of 16 MB: higher levels take minutes for the last 10 %, and larger
# windows cost each start that unpacks that much memory.
compress() { zstd --quiet -T0 -12 --long=24 --force "$1" -o "$2"; }

# append KIND FILE COMPRESSED: to $work/output; a line for it to $work/manifest.
append() {
	printf '%s %d %d %s\n' "$1" "$(stat -c %s "$work/output")" "$(stat -c %s "$3")" "$(sum_of "$2")" >>"$work/manifest"
	cat "$3" >>"$work/output"
}

runtime_zst=$kept/$(sum_of "$runtime").zst
if [[ ! -s $runtime_zst ]]; then
	compress "$runtime" "$work/runtime.zst"
	mv "$work/runtime.zst" "$runtime_zst"
fi
compress "$program" "$work/program.zst"
cp "$launcher" "$work/output"
# A line of its own for the manifest, so that tail shows it.
echo >"$work/manifest"
append runtime "$runtime" "$runtime_zst"
append program "$program" "$work/program.zst"
((${#arguments[@]} == 0)) || printf 'argument %s\n' "${arguments[@]}" >>"$work/manifest"
printf 'lrkproxy-pack 1 %08d\n' "$(stat -c %s "$work/manifest")" >"$work/end"
cat "$work/manifest" "$work/end" >>"$work/output"
chmod 755 "$work/output"
# Renamed at last: whoever runs the old one is not disturbed.
mv -f "$work/output" "$output"
