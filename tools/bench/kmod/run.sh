#!/bin/bash
# What the kernel module costs, beside other ways to relay a packet. Needs root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<'HELP'
Usage: tools/bench/kmod/run.sh [--boots N] [icount|uml|control]…

  icount    instructions a packet, on the stock kernels of tests/vm/kernels.txt
  uml       nanoseconds a packet, in a user-mode kernel, at 100, 20,000 and
            100,000 sessions; the least of several boots
  control   milliseconds to add, read and delete 20,000 and 100,000 sessions

All of them by default. Kernels, and roots to build in, are kept in
/var/cache/lrkproxy-tests, or $LRK_CACHE. docs/PERFORMANCE.md tells the method.
HELP
}

boots=5
while (($#)); do
	case $1 in
	--boots) boots=${2:?--boots needs a number} && shift ;;
	--help | -h) usage && exit ;;
	icount | uml | control) break ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done
(($#)) || set -- icount uml control
[[ $EUID == 0 ]] || fail "must run as root: it makes roots and namespaces"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The rules are loaded into a kernel, and so are recorded in a namespace of its own.
measure_icount() {
	local kernel
	while read -r kernel; do
		"$KMOD_BENCH/kit.sh" "$kernel" "$work/$kernel" 100
		"$KMOD_BENCH/boot_icount.sh" "$kernel" "$work/$kernel" guest.sh 100 4000 3 | sed "s/^/$kernel /"
	done < <(kernel_names)
}

# Many boots, since memory lies elsewhere in each, and what else the machine does comes and goes.
measure_uml() {
	local boot sessions
	for ((boot = 0; boot < boots; boot++)); do
		for sessions in 100 20000 100000; do
			"$KMOD_BENCH/boot_uml.sh" "$work/uml" guest.sh "$sessions" 200000 7
		done
	done | sed 's/^/uml /'
}

measure_control() { "$KMOD_BENCH/boot_uml.sh" "$work/uml" control_guest.sh 20000 100000; }

"$TOP/tests/vm/roots.sh"
if [[ " $* " =~ ' uml '|' control ' ]]; then
	"$KMOD_BENCH/uml_kernel.sh"
	"$KMOD_BENCH/kit.sh" uml "$work/uml" 100 20000 100000
fi
for part in "$@"; do
	measured=$work/$part.txt
	"measure_$part" >"$measured"
	if [[ $part == control ]]; then cat "$measured"; else awk -f "$KMOD_BENCH/report.awk" "$measured"; fi
	echo
done
