#!/bin/bash
# What the kernel module costs, beside other ways to relay a packet. Needs root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

usage() {
	cat <<'HELP'
Usage: tools/bench/kmod/run.sh [KERNEL]…

Prints the instructions that a packet of 100 sessions takes, by each way to relay
it, on the kernels of tests/vm/kernels.txt, or those that are named. Roots to
build in are kept in /var/cache/lrkproxy-tests, or $LRK_CACHE.
docs/PERFORMANCE.md tells the method.
HELP
}

case ${1:-} in
--help | -h) usage && exit ;;
-*) usage >&2 && exit 2 ;;
esac
[[ $EUID == 0 ]] || fail "must run as root: it makes roots and namespaces"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$TOP/tests/vm/roots.sh"
(($#)) || mapfile -t kernels < <(kernel_names)
for kernel in "${@:-${kernels[@]}}"; do
	"$KMOD_BENCH/kit.sh" "$kernel" "$work/$kernel" 100
	"$KMOD_BENCH/boot_icount.sh" "$kernel" "$work/$kernel" guest.sh 100 4000 3 | sed "s/^/$kernel /"
done >"$work/measured"
awk -f "$KMOD_BENCH/report.awk" "$work/measured"
