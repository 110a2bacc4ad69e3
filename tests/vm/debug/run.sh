#!/bin/bash
# Runs the module in kernels that look for mistakes (KASAN, lockdep, RCU, UBSAN, kmemleak), and shows that these do.
#
#   run.sh                          all of them, in this order
#   run.sh plant                    a mistake of each kind, made on purpose: each must fail a run
#   run.sh relay                    the tests of ../relay.c, and the unit tests
#   run.sh fuzz                     LRK_FUZZ_MEGABYTES=12 of fuzz
#   run.sh leaks                    1 megabyte of it, and kmemleak, in QEMU
#   run.sh stress                   LRK_STRESS_SECONDS=15 of packets and changes on two CPUs, and kmemleak, in QEMU
#
# LRK_DEBUG_KERNEL=um has plant, relay and fuzz done in user-mode Linux instead of QEMU.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# Where both kernels would do.
main=${LRK_DEBUG_KERNEL:-x86}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# built KERNEL: sets `folder` to where the module is built for it.
built() {
	folder=$work/$1
	[[ ! -d $folder ]] || return 0
	"$DEBUG/kernels.sh" "$1"
	mkdir "$folder"
	cp -r "$TOP/kmod" "$DEBUG/plant" "$folder/"
	build_modules "$1" "$folder/kmod" KUNIT=1
	build_modules "$1" "$folder/plant"
}

# passes KERNEL WHAT [ARGUMENT]
passes() {
	local kernel=$1 start=$SECONDS
	built "$kernel"
	shift
	"$DEBUG/boot.sh" "$kernel" "$folder" "$@" >"$work/log" || {
		cat "$work/log" >&2
		exit 1
	}
	grep -a -E '^(ok|info) ' "$work/log" | tr -d '\r' | sed "s/^/debug kernel $kernel: /"
	say "debug kernel $kernel: $* passed in $((SECONDS - start)) s"
}

# is_caught KERNEL MISTAKE COMPLAINT: the run fails, of this and not of anything before.
is_caught() {
	built "$1"
	if "$DEBUG/boot.sh" "$1" "$folder" plant "$2" >"$work/log" 2>/dev/null; then
		cat "$work/log" >&2
		fail "debug kernel $1: $2 is not seen"
	fi
	if ! grep -a -q -E "$3" "$work/log" || ! grep -a -q 'END OF RUN' "$work/log"; then
		cat "$work/log" >&2
		fail "debug kernel $1: $2 fails of something else"
	fi
	say "debug kernel $1: $2 is caught"
}

run_plant() {
	is_caught "$main" use-after-free 'KASAN: (slab-)?use-after-free'
	is_caught "$main" out-of-bounds 'KASAN: slab-out-of-bounds'
	is_caught "$main" abba 'possible circular locking'
	is_caught "$main" rcu-list 'suspicious RCU usage'
	is_caught x86 sleep-in-atomic 'sleeping function called|scheduling while atomic|Invalid wait context'
	is_caught x86 leak 'unreferenced object'
}

run_relay() { passes "$main" relay; }
run_fuzz() { passes "$main" fuzz "${LRK_FUZZ_MEGABYTES:-12}"; }
run_leaks() { passes x86 fuzz 1; }
run_stress() { passes x86 stress "${LRK_STRESS_SECONDS:-15}"; }

modes=("$@")
((${#modes[@]})) || modes=(plant relay fuzz leaks stress)
for mode in "${modes[@]}"; do
	declare -F "run_$mode" >/dev/null || fail "no such mode: $mode"
done
"$VM/roots.sh"
for mode in "${modes[@]}"; do "run_$mode"; done
