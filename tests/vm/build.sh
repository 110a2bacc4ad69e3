#!/bin/bash
# Builds the module for one kernel of kernels.txt, with W=1 and sparse; any word of either is a failure.
#
#   build.sh KERNEL FOLDER         leaves lrkproxy.ko in FOLDER
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

(($# == 2)) || fail "usage: build.sh KERNEL FOLDER"
release=$(release_of "$1")
mkdir -p "$2"
out=$(realpath "$2")
cp -r "$TOP/kmod/." "$out/"
log=$out/build.log

build_for_stock "$1" "$out" W=1 C=2 CHECK=sparse >"$log" 2>&1 || {
	cat "$log" >&2
	fail "kernel $1: does not build"
}
# Of other files than ours, gcc and sparse may say what they like: they are older or newer than the kernel's own.
if grep -E '^(/work/|[a-z]+\.[ch]:).*(warning|error)|^(WARNING|ERROR)' "$log" >&2; then
	fail "kernel $1: builds, but not without warnings"
fi
say "kernel $1 ($release): builds without warnings"
