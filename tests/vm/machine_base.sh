#!/bin/bash
# Makes what the machines of machine.sh boot from, and prints its folder: base.ext4, a Debian 13 with nft, ip, bash and
# the modules of each kernel in kernels.txt; and per kernel initrd-KERNEL, which mounts that. Kept in the cache folder
# under a name of what it is made of, so newer kernels make a new one, and the old one goes.
#
#   machine_base.sh                LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tree.sh"

debian=$CACHE/systemd-trixie
"$VM/roots.sh" >&2
[[ -d $debian ]] || "$TOP/tests/acceptance/roots.sh" systemd-trixie >&2
version=$(cat "$ROOT/kernels/"* "$VM/machine_base.sh" "$VM/tree.sh" "$debian/var/lib/dpkg/status" | sha256sum | cut -c1-16)
base=$CACHE/machine-$version
building=$base.building

# copy_program PROGRAM: from the root of roots.sh, with what it is linked to. Both are the same Debian.
copy_program() {
	local file
	while read -r file; do
		[[ -e $building/root$file ]] || cp -L "$ROOT$file" "$building/root$file"
	done < <(echo "$1" && chroot "$ROOT" /lib64/ld-linux-x86-64.so.2 --list "$1" | grep -oE '/[^ ]+')
}

copy_modules() {
	local release
	mkdir -p "$building/root/usr/lib/modules"
	for release in "$ROOT"/kernels/*; do
		release=$(cat "$release")
		cp -r --no-dereference "$ROOT/usr/lib/modules/$release" "$building/root/usr/lib/modules/"
		rm -f "$building/root/usr/lib/modules/$release"/{build,source,vmlinuz}
		# 7 lists what is built in elsewhere, which depmod only regrets.
		chroot "$building/root" depmod "$release" 2>/dev/null
	done
}

# ethtool is the only other package that tests call; it is unpacked, not installed.
unpack_ethtool() {
	apt-cache show ethtool >/dev/null 2>&1 || apt-get update -qq
	(cd "$building" && apt-get download -qq -o APT::Sandbox::User=root ethtool)
	dpkg-deb --fsys-tarfile "$building"/ethtool_*.deb | tar -x --keep-directory-symlink -C "$building/root" --wildcards '*bin/ethtool'
	rm "$building"/ethtool_*.deb
}

make_root() {
	cp -r --archive "$debian" "$building/root"
	copy_program /usr/bin/kmod
	copy_program /usr/bin/make
	unpack_ethtool
	for name in modprobe insmod rmmod lsmod depmod; do ln -sf ../bin/kmod "$building/root/usr/sbin/$name"; done
	mkdir -p "$building/root/lrkproxy"
	copy_modules
	mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d "$building/root" "$building/base.ext4" 1G >/dev/null
}

# Everything else is done by machine_init.sh, on the second disk.
make_initrd() {
	disk_initrd "$1" '/bin/busybox mount -t ext4 /dev/vdb /root/lrkproxy' /lrkproxy/tests/vm/machine_init.sh \
		>"$building/initrd-$1"
}

main() {
	exec 9>"$CACHE/.lock-machine"
	flock 9
	if [[ ! -d $base ]]; then
		say "building $base (kept for later runs)" >&2
		rm -rf --one-file-system "$CACHE"/machine-*
		mkdir -p "$building"
		make_root
		while read -r kernel; do make_initrd "$kernel"; done < <(kernel_names)
		rm -rf --one-file-system "$building/root"
		mv -T "$building" "$base"
	fi
	say "$base"
}
main
