#!/bin/bash
# Runs the module in a kernel that looks for mistakes (KASAN, lockdep, RCU, UBSAN), and shows that it does.
#
#   run.sh                          all of them, in this order
#   run.sh plant                    a mistake of each kind, made on purpose: each must fail a run
#   run.sh relay                    the tests of ../relay/, and the unit tests
#   run.sh fuzz                     LRK_FUZZ_MEGABYTES=12 of fuzz
#   run.sh stress                   LRK_STRESS_SECONDS=60 of packets and changes on two CPUs
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/packages.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# passes WHAT [ARGUMENT]
passes() {
	local start=$SECONDS
	"$DEBUG/boot.sh" "$work/modules" "$@" >"$work/log" || {
		cat "$work/log" >&2
		exit 1
	}
	grep -a -E '^(ok|info) ' "$work/log" | tr -d '\r' | sed "s/^/debug kernel: /"
	say "debug kernel: $* passed in $((SECONDS - start)) s"
}

# is_caught MISTAKE COMPLAINT: the run fails, of this and not of anything before.
is_caught() {
	if "$DEBUG/boot.sh" "$work/modules" plant "$1" >"$work/log" 2>/dev/null; then
		cat "$work/log" >&2
		fail "debug kernel: $1 is not seen"
	fi
	if ! grep -a -q -E "$2" "$work/log" || ! grep -a -q 'END OF RUN' "$work/log"; then
		cat "$work/log" >&2
		fail "debug kernel: $1 fails of something else"
	fi
	say "debug kernel: $1 is caught"
}

run_plant() {
	is_caught use-after-free 'KASAN: (slab-)?use-after-free'
	is_caught out-of-bounds 'KASAN: slab-out-of-bounds'
	is_caught abba 'possible circular locking'
	is_caught rcu-list 'suspicious RCU usage'
	is_caught sleep-in-atomic 'sleeping function called|scheduling while atomic|Invalid wait context'
	is_caught leak 'allocated at module unload'
}

run_relay() { passes relay; }
run_fuzz() { passes fuzz "${LRK_FUZZ_MEGABYTES:-12}"; }
run_stress() { passes stress "${LRK_STRESS_SECONDS:-60}"; }

modes=("$@")
((${#modes[@]})) || modes=(plant relay fuzz stress)
for mode in "${modes[@]}"; do
	declare -F "run_$mode" >/dev/null || fail "no such mode: $mode"
done
install_packages "${kernel_packages[@]}"
"$VM/roots.sh"
"$VM/uml/kernel.sh" debug
mkdir "$work/modules"
cp -r "$TOP/kmod" "$DEBUG/plant" "$work/modules/"
build_for_uml debug "$work/modules/kmod" KUNIT=1
build_for_uml debug "$work/modules/plant"
for mode in "${modes[@]}"; do "run_$mode"; done
