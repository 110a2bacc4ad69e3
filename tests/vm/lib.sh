# Shared by the scripts of the vm tier: where things are, and the kernels. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM/../.." && pwd)
CACHE=${LRK_CACHE:-/var/cache/lrkproxy-tests}
# One Debian 13 root with the tools, the headers of all kernels, and their images and modules.
ROOT=$CACHE/kmod-root
# shellcheck disable=SC2034  # used by those who source this
readonly VM TOP CACHE ROOT

say() { printf '%s\n' "$*"; }

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# The names in kernels.txt, in its order.
kernel_names() { awk '!/^#/ && NF { print $1 }' "$VM/kernels.txt"; }

# release_of NAME: the full release of a kernel, such as 6.1.0-53-cloud-amd64.
release_of() { cat "$ROOT/kernels/$1"; }

# image_of NAME: the file that QEMU boots.
image_of() {
	local release image
	release=$(release_of "$1")
	image=$ROOT/boot/vmlinuz-$release
	[[ -e $image ]] || image=$ROOT/lib/modules/$release/vmlinuz
	echo "$image"
}

# in_root FOLDER COMMAND…: runs a command in the root, where the folder is /work. The mounts are of a namespace of its own, so
# that nothing has to be unmounted.
in_root() {
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		root=$1 folder=$2
		shift 2
		mount --bind "$folder" "$root/work"
		mount -t proc proc "$root/proc"
		mount --bind /dev "$root/dev"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp "$@"
	' - "$ROOT" "$@"
}

# build_for_stock NAME FOLDER [ARGUMENT…]: builds the modules of a folder, in it, for a stock kernel. gcc-14 does not know an
# attribute in the headers of 7; BTF would need the kernel's vmlinux.
build_for_stock() {
	local release
	release=$(release_of "$1")
	in_root "$2" make -C "/usr/src/linux-headers-$release" M=/work CC=gcc-14 KCFLAGS=-Wno-attributes \
		CONFIG_DEBUG_INFO_BTF_MODULES= "${@:3}" modules
}
