#!/bin/bash
# The built program and the module together, on one of the kernels in kernels.txt: the daemon with calls that talk. On
# Debian 13's kernel, all of it, and the contract suite on nftables with the module; on others what depends on them most.
#
#   run.sh KERNEL MODULE.ko [all]  all: everything, whichever kernel
#
#   LRK_E2E_SESSIONS     calls (100)
#   LRK_E2E_SWITCHES     how often they go into the module and back (10)
#   LRK_E2E_INTERVAL_MS  between two RTP packets of a stream (200)
#
# With 1000 calls, 100 times and 500 ms it takes a quarter of an hour or more.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib.sh"

(($# >= 2)) || fail "usage: run.sh KERNEL MODULE.ko [all]"
[[ -x $TOP/dist/lrkproxy ]] || fail "dist/lrkproxy is missing: tools/build.sh"
make --silent -C "$TOP/tests/tools"
kernel=$1 module=$2
export LRK_MACHINE_SECONDS=${LRK_MACHINE_SECONDS:-900}
settings=(LRK_E2E_SESSIONS="${LRK_E2E_SESSIONS:-100}" LRK_E2E_SWITCHES="${LRK_E2E_SWITCHES:-10}"
	LRK_E2E_INTERVAL_MS="${LRK_E2E_INTERVAL_MS:-200}")
# Types are checked by `task ok`; here it would take longer than the tests.
tests=(tools/deno.sh test --allow-all --no-check)
if [[ ${3:-} == all || $kernel == 6.12 ]]; then
	tests+=(tests/vm/e2e tests/contract/kmod_test.ts)
else
	tests+=(--filter '/into the module and back|when it is unloaded/' tests/vm/e2e)
fi
start=$SECONDS
"$VM/machine.sh" "$kernel" "$module" -- env "${settings[@]}" "${tests[@]}" || fail "kernel $kernel: the daemon and the module"
say "kernel $kernel: the daemon and the module pass in $((SECONDS - start)) s"
