#!/bin/bash
# What the kernel module costs, beside other ways to relay a packet. Needs root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$TOP/tools/packages.sh"

usage() {
	cat <<'HELP'
Usage: tools/bench/kmod/run.sh [--boots N] [PART|KERNEL]…

  icount    instructions a packet, at 100 sessions, on the kernels of
            tests/vm/kernels.txt; the name of a kernel stands for that one
  ns        nanoseconds a packet, in a user-mode kernel, at 100, 20,000 and
            100,000 sessions: the least of N boots (5)
  control   milliseconds that the daemon's code takes to move 100,000 sessions
            into the module and out, and to read the statistics of 20,000,
            in a user-mode kernel

All parts by default. Kernels, and roots to build in, are kept in
/var/cache/lrkproxy-tests, or $LRK_CACHE. docs/PERFORMANCE.md tells the method.
HELP
}

boots=5
while [[ ${1:-} == -* ]]; do
	case $1 in
	--boots) boots=${2:?--boots needs a number} && shift ;;
	--help | -h) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done
mapfile -t kernels < <(kernel_names)
(($#)) || set -- icount ns control
for part in "$@"; do
	[[ " icount ns control ${kernels[*]} " == *" $part "* ]] || { usage >&2 && exit 2; }
done
[[ $EUID == 0 ]] || fail "must run as root: it makes roots and namespaces"
install_packages nftables iproute2 iptables "${kernel_packages[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure_icount() {
	local kernel
	for kernel in "$@"; do
		"$KMOD_BENCH/kit.sh" "$kernel" "$work/$kernel" 100
		"$KMOD_BENCH/boot_icount.sh" "$kernel" "$work/$kernel" guest.sh 100 4000 3 | sed "s/^/$kernel /"
	done
}

prepare_uml() {
	[[ ! -d $work/uml ]] || return 0
	"$TOP/tests/vm/uml/kernel.sh" fast
	"$KMOD_BENCH/kit.sh" uml "$work/uml" 100 20000 100000
}

# Many boots, since memory lies elsewhere in each, and what else the machine does comes and goes.
measure_ns() {
	local boot sessions
	for ((boot = 0; boot < boots; boot++)); do
		for sessions in 100 20000 100000; do
			"$KMOD_BENCH/boot_uml.sh" "$work/uml" guest.sh "$sessions" "$((sessions < 20000 ? 40000 : 2 * sessions))" 15 \
				drop plain module waiting nft conntrack rtpengine
		done
	done | sed 's/^/ns /'
}

"$TOP/tests/vm/roots.sh"
for part in "$@"; do
	case $part in
	icount) measure_icount "${kernels[@]}" >"$work/measured" ;;
	ns)
		prepare_uml
		measure_ns >"$work/measured"
		;;
	control)
		prepare_uml
		"$KMOD_BENCH/boot_uml.sh" "$work/uml" control_guest.sh "$TOP" | sed 's/^CONTROL //'
		continue
		;;
	*) measure_icount "$part" >"$work/measured" ;;
	esac
	awk -f "$KMOD_BENCH/report.awk" "$work/measured"
	echo
done
