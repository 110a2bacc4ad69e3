#!/bin/bash
# Boots one kernel of kernels.txt in QEMU (no KVM) with two CPUs, and runs relay.c in it.
#
#   boot.sh KERNEL MODULE
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

(($# == 2)) || fail "usage: boot.sh KERNEL MODULE"
release=$(release_of "$1")
module=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

image=$ROOT/boot/vmlinuz-$release
[[ -e $image ]] || image=$ROOT/lib/modules/$release/vmlinuz

# with_libraries PROGRAM: the program and what it is linked to, at their places in the tree.
with_libraries() {
	local file
	mkdir -p "$tree/$(dirname "$1")"
	cp -L "$ROOT$1" "$tree$1"
	while read -r file; do
		mkdir -p "$tree/$(dirname "$file")"
		cp -L "$ROOT$file" "$tree$file"
	done < <(chroot "$ROOT" /lib64/ld-linux-x86-64.so.2 --list "$1" | grep -oE '/[^ ]+')
}

make_tree() {
	local name file command
	mkdir -p "$tree"/{bin,sbin,lib,lib64,proc,sys,dev,run,tmp,mod}
	cp "$ROOT/usr/bin/busybox" "$tree/bin/"
	for command in sh mount insmod rmmod dmesg grep tail echo; do ln -s busybox "$tree/bin/$command"; done
	with_libraries /usr/bin/ip
	ln -s /usr/bin/ip "$tree/sbin/ip"
	gcc -static -O1 -Wall -Werror -o "$tree/bin/relay" "$VM/relay.c"
	for name in llc stp bridge br_netfilter veth; do
		file=$(find "$ROOT/lib/modules/$release/kernel" -name "$name.ko*")
		if [[ $file == *.xz ]]; then xz -dc "$file" >"$tree/mod/$name.ko"; else cp "$file" "$tree/mod/$name.ko"; fi
	done
	cp "$module" "$tree/mod/lrkproxy.ko"
	install -m 755 "$VM/init.sh" "$tree/init"
}

make_tree
# cpio from the root, since a machine that runs tests need not have one.
# shellcheck disable=SC2016  # the inner shell's
unshare --mount --propagation private bash -euc '
	mount --bind "$2" "$1/work"
	chroot "$1" /bin/sh -c "cd /work && find . | cpio -o -H newc --quiet"
' - "$ROOT" "$tree" >"$scratch/initrd"

log=$scratch/log
status=0
timeout 90 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 512 -nographic -no-reboot -nodefaults \
	-serial stdio -monitor none -device isa-debug-exit,iobase=0xf4,iosize=0x4 -kernel "$image" \
	-initrd "$scratch/initrd" -append "console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0" \
	</dev/null >"$log" 2>&1 || status=$?
# The device turns 0 into 1, and 1 into 3.
if ((status != 1)) || ! grep -q 'ALL PASSED' "$log"; then
	cat "$log" >&2
	fail "kernel $1: tests in the machine, status $status"
fi
grep -a -E '^(ok|info) ' "$log" | sed "s/^/kernel $1: /"
