#!/bin/bash
# Builds a kernel module from a copy of its source, for a kernel of tests/vm/kernels.txt or the user-mode one.
#
#   module.sh KERNEL|uml SOURCE FILE    FILE, which ends in .ko, is left where it is said to be
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

(($# == 3)) || fail "usage: module.sh KERNEL|uml SOURCE FILE"
kernel=$1
file=$(realpath -m "$3")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$2/." "$scratch/"

# gcc-14 does not know an attribute in the headers of 7; BTF would need the kernel's vmlinux.
build_for_stock() {
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		mount --bind "$2" "$1/work"
		mount -t proc proc "$1/proc"
		mount --bind /dev "$1/dev"
		exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp \
			make -C "/usr/src/linux-headers-$3" M=/work CC=gcc-14 KCFLAGS=-Wno-attributes \
			CONFIG_DEBUG_INFO_BTF_MODULES= modules
	' - "$ROOT" "$scratch" "$(release_of "$kernel")"
}

if [[ $kernel == uml ]]; then
	build_for_uml fast "$scratch"
else
	build_for_stock >"$scratch/build.log" 2>&1 || {
		tail -n 40 "$scratch/build.log" >&2
		fail "$(basename "$file") does not build for kernel $kernel"
	}
fi
mkdir -p "$(dirname "$file")"
cp "$scratch/$(basename "$file")" "$file"
