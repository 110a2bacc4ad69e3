#!/bin/bash
# Boots one kernel of kernels.txt in QEMU (no KVM) with two CPUs, and runs the tests of relay/ in it.
#
#   boot.sh KERNEL MODULE
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tree.sh"

(($# == 2)) || fail "usage: boot.sh KERNEL MODULE"
release=$(release_of "$1")
module=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

make_tree "$tree" "$ROOT/lib/modules/$release/kernel" "$VM/init.sh" \
	llc stp bridge br_netfilter veth vrf xfrm_algo xfrm_user
cp "$module" "$tree/mod/lrkproxy.ko"
pack_tree "$tree" >"$scratch/initrd"

log=$scratch/log
status=0
timeout 90 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 512 -nographic -no-reboot -nodefaults \
	-serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=0x4 -kernel "$(image_of "$1")" \
	-initrd "$scratch/initrd" -append "console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0 maxcpus=1" \
	</dev/null >"$log" 2>&1 || status=$?
# The device turns 0 into 1, and 1 into 3.
if ((status != 1)) || ! grep -q 'ALL PASSED' "$log"; then
	cat "$log" >&2
	fail "kernel $1: tests in the machine, status $status"
fi
grep -a -E '^(ok|info) ' "$log" | sed "s/^/kernel $1: /"
