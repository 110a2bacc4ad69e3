#!/bin/bash
# Boots a kernel that looks for mistakes, and runs one thing in it. What it printed goes to standard output.
#
#   boot.sh um|x86 FOLDER relay                FOLDER has the modules to test
#   boot.sh um|x86 FOLDER fuzz MEGABYTES
#   boot.sh um|x86 FOLDER stress SECONDS
#   boot.sh um|x86 FOLDER plant MISTAKE
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../tree.sh"

(($# == 3 || $# == 4)) || fail "usage: boot.sh um|x86 FOLDER WHAT [ARGUMENT]"
kernel=$1 modules=$2 what=$3 argument=${4:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

make_tree "$tree" "$KERNELS/$kernel" "$DEBUG/init.sh" llc stp bridge br_netfilter veth vrf
for command in sed cat rmmod sleep; do ln -sf busybox "$tree/bin/$command"; done
cp "$DEBUG/complaints.txt" "$tree/"
find "$modules" "$KERNELS/$kernel/lib/kunit" -name '*.ko' -exec cp {} "$tree/mod/" \;
for program in fuzz stress; do
	gcc -static -O1 -Wall -Wextra -Werror -pthread -o "$tree/bin/$program" "$DEBUG/$program.c"
done
pack_tree "$tree" >"$scratch/initrd"

arguments="quiet panic=-1 lrk_run=$what lrk_argument=$argument"
# Two sockets: the firmware tells a kernel without ACPI of one CPU in each. QEMU is ended by a port that turns 0 into 1,
# user-mode Linux by being switched off.
run_x86() {
	qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2,sockets=2 -m 1536 -nographic -no-reboot -nodefaults \
		-serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=0x4 \
		-kernel "$KERNELS/x86/arch/x86/boot/bzImage" -initrd "$scratch/initrd" \
		-append "console=ttyS0 mitigations=off kmemleak=on $arguments" || (($? == 1))
}

run_um() {
	# shellcheck disable=SC2086  # they are words
	TMPDIR=$scratch "$KERNELS/um/linux" mem=768M "initrd=$scratch/initrd" root=/dev/ram0 con=null con0=null,fd:1 $arguments
}
export -f run_x86 run_um
export KERNELS scratch arguments

status=0
timeout "${LRK_BOOT_SECONDS:-300}" bash -euc "run_$kernel" </dev/null >"$scratch/log" 2>&1 || status=$?
cat "$scratch/log"
((status == 0)) || fail "debug kernel $kernel: $what $argument, status $status"
grep -qx $'ALL PASSED\r\\?' "$scratch/log" || fail "debug kernel $kernel: $what $argument"
