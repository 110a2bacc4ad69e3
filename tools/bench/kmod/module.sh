#!/bin/bash
# Builds a kernel module from a copy of its source, for a kernel of tests/vm/kernels.txt or the user-mode one.
#
#   module.sh KERNEL|uml SOURCE FILE    FILE, which ends in .ko, is left where it is said to be
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

(($# == 3)) || fail "usage: module.sh KERNEL|uml SOURCE FILE"
kernel=$1
file=$(realpath -m "$3")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$2/." "$scratch/"

if [[ $kernel == uml ]]; then
	build_for_uml fast "$scratch"
else
	build_for_stock "$kernel" "$scratch" >"$scratch/build.log" 2>&1 || {
		tail -n 40 "$scratch/build.log" >&2
		fail "$(basename "$file") does not build for kernel $kernel"
	}
fi
mkdir -p "$(dirname "$file")"
cp "$scratch/$(basename "$file")" "$file"
