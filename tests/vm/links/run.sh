#!/bin/bash
# Kinds of interfaces and routes, and ICMP errors, on one of the kernels in kernels.txt: what a distribution's kernel has
# that the host's need not have. The module is not loaded.
#
#   run.sh KERNEL MODULE.ko
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib.sh"

(($# == 2)) || fail "usage: run.sh KERNEL MODULE.ko"
[[ -x $TOP/dist/lrkproxy ]] || fail "dist/lrkproxy is missing: tools/build.sh"
export LRK_MACHINE_SECONDS=${LRK_MACHINE_SECONDS:-600}
start=$SECONDS
"$VM/machine.sh" --without-module "$1" "$2" -- tools/deno.sh test --allow-all --no-check tests/vm/links \
	tests/netns/too_big_test.ts || fail "kernel $1: interfaces and routes"
say "kernel $1: interfaces and routes pass in $((SECONDS - start)) s"
