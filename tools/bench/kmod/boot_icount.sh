#!/bin/bash
# Boots a stock kernel in QEMU, where each instruction takes one nanosecond and nothing else takes time, and runs
# guest.sh in it: its nanoseconds are instructions, the same in every run.
#
#   boot_icount.sh KERNEL KIT SCRIPT [ARGUMENT…]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/vm/tree.sh"

(($# >= 3)) || fail "usage: boot_icount.sh KERNEL KIT SCRIPT [ARGUMENT…]"
kernel=$1
kit=$(realpath "$2")
shift 2
task=$(IFS=, && echo "$*")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

# Programs of this machine, and what they are linked to, at their places.
programs() {
	local program file
	for program in "$@"; do
		while read -r file; do
			mkdir -p "$tree$(dirname "$file")"
			cp -L "$file" "$tree$file"
		done < <(command -v "$program" && ldd "$(command -v "$program")" | grep -oE '/[^ ]+')
	done
}

make_guest() {
	local command
	mkdir -p "$tree"/{bin,proc,sys,dev,run,tmp,kit}
	programs ip nft iptables-legacy
	cp -r "$kit/." "$tree/kit/"
	for command in sh mount cat tr dmesg grep tail echo dirname; do
		ln -s /kit/busybox "$tree/bin/$command"
	done
	ln -s /kit/guest_init.sh "$tree/init"
}

make_guest
pack_tree "$tree" >"$scratch/initrd"

log=$scratch/log
# With ERMS, or FSRM, the kernel copies by `rep movsb`, of which QEMU counts each byte as an instruction.
timeout 300 qemu-system-x86_64 -accel tcg,thread=single -icount shift=0,sleep=off -cpu max,-erms,-fsrm -smp 1 -m 1024 \
	-nographic -no-reboot -nodefaults -serial stdio -monitor none -kernel "$(image_of "$kernel")" -initrd "$scratch/initrd" -append \
	"console=ttyS0 quiet panic=-1 tsc=reliable clocksource=tsc no_timer_check mitigations=off net.ifnames=0 kit=/kit task=$task" \
	</dev/null >"$log" 2>&1 || true
if ! grep -q '^DONE' <(tr -d '\r' <"$log"); then
	cat "$log" >&2
	fail "kernel $kernel did not finish $task"
fi
tr -d '\r' <"$log" | grep -oE '(RESULT|CONTROL) .*'
