#!/bin/bash
# Runs a command as root in a machine of its own: one of the kernels in kernels.txt in QEMU (no KVM) with two CPUs, a
# Debian 13, this repository at /lrkproxy with dist/ and Deno, and the module, loaded. The command runs in /lrkproxy;
# what it says is streamed, its exit status is that of this script, unless the kernel complained: that is 1. Nothing
# that it changes lasts.
#
#   machine.sh [--without-module] KERNEL MODULE.ko -- COMMAND…
#
#   --without-module      the module is there, as /lrkproxy/machine/lrkproxy.ko, but is not loaded
#   LRK_MACHINE_SECONDS   after which the machine is ended (300)
#   LRK_MACHINE_MB        its memory (1536)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

usage() { fail "usage: machine.sh [--without-module] KERNEL MODULE.ko -- COMMAND…"; }

load=yes
if [[ ${1:-} == --without-module ]]; then
	load=
	shift
fi
if (($# < 4)) || [[ $3 != -- ]]; then usage; fi
kernel=$1 module=$2
shift 3
base=$("$VM/machine_base.sh")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The second disk. Deno looks for packages in its cache alone: a machine has no network.
make_disk() {
	local tree=$scratch/tree kilobytes
	mkdir -p "$tree/machine"
	cd "$TOP"
	git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C "$tree"
	[[ ! -d dist ]] || cp -r --archive dist "$tree/"
	rm -rf "$tree/dist/.build"
	cp "$module" "$tree/machine/lrkproxy.ko"
	[[ -z $load ]] || : >"$tree/machine/load"
	printf '%q ' "$@" >"$tree/machine/command"
	mkdir -p "$tree/tools/deno/node_modules/@deno"
	tools/deno.sh --version >/dev/null
	cp -r tools/deno/node_modules/@deno/linux-* "$tree/tools/deno/node_modules/@deno/"
	git ls-files -z --cached --others --exclude-standard main.ts 'tests/contract/*.ts' 'tests/netns/*.ts' 'tests/vm/*.ts' |
		DENO_DIR=$tree/machine/deno xargs -0 tools/deno.sh cache --quiet --no-check
	kilobytes=$(du -sk "$tree" | cut -f1)
	mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -m 0 -d "$tree" "$scratch/disk.ext4" \
		$((kilobytes * 11 / 10 + 65536))k >/dev/null
	rm -rf "$tree"
}

disk() { echo "file=$1,format=raw,if=virtio,snapshot=on"; }

make_disk "$@" >&2
timeout "${LRK_MACHINE_SECONDS:-300}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 \
	-m "${LRK_MACHINE_MB:-1536}" -display none -no-reboot -nodefaults -serial "file:$scratch/console" -serial stdio \
	-monitor none -drive "$(disk "$base/base.ext4")" -drive "$(disk "$scratch/disk.ext4")" -kernel "$(image_of "$kernel")" \
	-initrd "$base/initrd-$kernel" \
	-append "console=ttyS0 quiet panic=-1 oops=panic mitigations=off net.ifnames=0 maxcpus=1" </dev/null || true
status=$(sed -n 's/^machine status: \([0-9]*\).*/\1/p' "$scratch/console")
if [[ -z $status ]]; then
	tail -n 100 "$scratch/console" >&2
	fail "kernel $kernel: the machine has not come to its end"
fi
exit "$status"
