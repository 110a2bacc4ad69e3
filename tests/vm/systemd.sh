#!/bin/bash
# A Debian 13 that systemd boots in QEMU (no KVM), with udev, a stock kernel, the module where install.sh puts it, and
# lrkproxy's unit: runs systemd_cases.sh in it. Elsewhere the module cannot be loaded, or there is no udev.
#
#   systemd.sh KERNEL MODULE       LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tree.sh"

(($# == 2)) || fail "usage: systemd.sh KERNEL MODULE"
[[ -x $TOP/dist/lrkproxy ]] || fail "there is no dist/lrkproxy: tools/build.sh"
release=$(release_of "$1")
module=$2
debian=$CACHE/booted-trixie
scratch=$(mktemp -d)
trap 'rm -rf --one-file-system "$scratch"' EXIT
tree=$scratch/tree

make_debian() {
	local mirror=${LRK_DEBIAN_MIRROR:-http://deb.debian.org/debian}
	exec 9>"$CACHE/.lock-booted"
	flock 9
	if [[ ! -d $debian ]]; then
		say "building $debian (kept for later runs)"
		rm -rf --one-file-system "$debian.building"
		debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,kmod,dbus,nftables,iproute2,procps \
			trixie "$debian.building" "$mirror" >"$CACHE/debootstrap-booted-trixie.log" 2>&1 ||
			fail "debootstrap: see $CACHE/debootstrap-booted-trixie.log"
		rm -rf "$debian.building"/usr/share/{doc,man,info,locale,i18n} "$debian.building"/var/{cache/apt,lib/apt/lists}/*
		mv -T "$debian.building" "$debian"
	fi
	exec 9>&-
}

# The files of install.sh, which needs Debian's registries itself, at their places.
install_program() {
	local source_dir=$TOP prefix=/usr/local binary=$TOP/dist/lrkproxy
	# shellcheck source=../../tools/install/files.sh
	. "$TOP/tools/install/files.sh"
	stage_files "$tree"
	mkdir -p "$tree/etc/lrkproxy"
	sed -e 's/^internal_ip = .*/internal_ip = 10.77.0.1/' "$TOP/tests/golden/lrkproxy.ini" >"$tree/etc/lrkproxy/lrkproxy.ini"
	chroot "$tree" systemd-sysusers lrkproxy.conf
	chroot "$tree" chgrp lrkproxy /etc/lrkproxy/lrkproxy.ini
	# Its runtime, unpacked: under emulation that takes a minute.
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		mount -t proc proc "$1/proc"
		exec chroot "$1" setpriv --reuid=lrkproxy --regid=lrkproxy --clear-groups \
			env CACHE_DIRECTORY=/var/cache/lrkproxy lrkproxy version >/dev/null
	' - "$tree"
}

make_disk() {
	cp -r --archive "$debian" "$tree"
	mkdir -p "$tree/usr/lib/modules/$release/updates"
	cp -r --no-dereference "$ROOT/usr/lib/modules/$release" "$tree/usr/lib/modules/"
	rm -f "$tree/usr/lib/modules/$release"/{build,source,vmlinuz}
	install -D -m 644 "$module" "$tree/usr/lib/modules/$release/updates/lrkproxy.ko"
	chroot "$tree" depmod "$release" 2>/dev/null
	install -d -m 750 "$tree/var/cache/lrkproxy"
	printf 'lrkproxy:x:990:\n' >>"$tree/etc/group"
	printf 'lrkproxy:x:990:990::/:/usr/sbin/nologin\n' >>"$tree/etc/passwd"
	chown 990:990 "$tree/var/cache/lrkproxy"
	install_program
	install -m 755 "$VM/systemd_cases.sh" "$tree/usr/local/sbin/cases"
	install -m 644 "$VM/complaints.txt" "$tree/usr/local/share/complaints.txt"
	cat >"$tree/etc/systemd/system/cases.service" <<-'UNIT'
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		ExecStart=/usr/local/sbin/cases
		ExecStopPost=/usr/sbin/reboot --force --force
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS0
		[Install]
		WantedBy=default.target
	UNIT
	ln -s /etc/systemd/system/cases.service "$tree/etc/systemd/system/multi-user.target.wants/cases.service"
	# Its own start is a case.
	rm -f "$tree/etc/systemd/system/multi-user.target.wants/lrkproxy.service"
	rm -f "$tree"/etc/systemd/system/getty.target.wants/* "$tree"/etc/systemd/system/*.wants/*networkd*
	ln -sf /dev/null "$tree/etc/systemd/system/serial-getty@ttyS0.service"
	echo machine >"$tree/etc/hostname"
}

make_debian
make_disk
disk_initrd "$1" /usr/lib/systemd/systemd >"$scratch/initrd"
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -m 0 -d "$tree" "$scratch/disk.ext4" 1G >/dev/null
timeout 240 qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 1024 -display none -no-reboot -nodefaults \
	-serial "file:$scratch/console" -monitor none -drive "file=$scratch/disk.ext4,format=raw,if=virtio,cache=unsafe" \
	-kernel "$(image_of "$1")" -initrd "$scratch/initrd" \
	-append "console=ttyS0 quiet panic=-1 oops=panic mitigations=off net.ifnames=0 systemd.show_status=0" </dev/null ||
	true
# The kernel's own words may stand before ours.
tr -d '\r' <"$scratch/console" | sed -nE "s/^(.*[^a-z])?ok (.* \([0-9]+ s\))$/kernel $1, systemd: ok \2/p"
if ! grep -a -q '^ALL PASSED' "$scratch/console"; then
	cat "$scratch/console" >&2
	fail "kernel $1: the service and the module under systemd"
fi
