#!/bin/bash
# Makes what the machines of machine.sh boot from, and prints its folder: base.ext4, a Debian 13 with nft, ip, bash and
# the modules of each kernel in kernels.txt; and per kernel initrd-KERNEL, which mounts that. Kept in the cache folder
# under a name of what it is made of, so newer kernels make a new one, and the old one goes.
#
#   machine_base.sh                LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

debian=$CACHE/systemd-trixie
"$VM/roots.sh" >&2
[[ -d $debian ]] || "$TOP/tests/acceptance/roots.sh" systemd-trixie >&2
version=$(cat "$ROOT/kernels/"* "$VM/machine_base.sh" "$debian/var/lib/dpkg/status" | sha256sum | cut -c1-16)
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

# The disks' drivers are modules. Everything else is done by /lrkproxy/tests/vm/machine_init.sh.
make_initrd() {
	local name=$1 release tree=$building/initrd-tree driver file
	release=$(release_of "$name")
	rm -rf "$tree"
	mkdir -p "$tree"/{bin,dev,proc,mod,root}
	cp "$ROOT/usr/bin/busybox" "$tree/bin/"
	for driver in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
		file=$(find "$building/root/usr/lib/modules/$release" -name "$driver.ko*")
		case $file in
		"") continue ;;
		*.xz) xz -dc "$file" >"$tree/mod/$driver.ko" ;;
		*) cp "$file" "$tree/mod/$driver.ko" ;;
		esac
		echo "/bin/busybox insmod /mod/$driver.ko"
	done >"$tree/mod/load"
	cat >"$tree/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
. /mod/load
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount -t ext4 /dev/vdb /root/lrkproxy
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /lrkproxy/tests/vm/machine_init.sh
INIT
	chmod 755 "$tree/init"
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		mount --bind "$2" "$1/work"
		chroot "$1" /bin/sh -c "cd /work && find . | cpio -o -H newc --quiet"
	' - "$ROOT" "$tree" >"$building/initrd-$name"
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
		rm -rf --one-file-system "$building"/{root,initrd-tree}
		mv -T "$building" "$base"
	fi
	say "$base"
}
main
