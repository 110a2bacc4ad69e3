# The file tree that a test machine boots from. Sourced by scripts of the vm tier, after lib.sh.
# shellcheck shell=bash

# with_libraries TREE PROGRAM: the program and what it is linked to, at their places in the tree.
with_libraries() {
	local file
	mkdir -p "$1/$(dirname "$2")"
	cp -L "$ROOT$2" "$1$2"
	while read -r file; do
		mkdir -p "$1/$(dirname "$file")"
		cp -L "$ROOT$file" "$1$file"
	done < <(chroot "$ROOT" /lib64/ld-linux-x86-64.so.2 --list "$2" | grep -oE '/[^ ]+')
}

# copy_module FOLDER NAME INTO: the kernel's module of this name, from somewhere in a folder. Status 1 if there is none.
copy_module() {
	local file
	file=$(find "$1/" -name "$2.ko*")
	case $file in
	"") return 1 ;;
	*.xz) xz -dc "$file" >"$3/$2.ko" ;;
	*) cp "$file" "$3/$2.ko" ;;
	esac
}

# make_tree TREE FOLDER INIT MODULE…: busybox, ip, relay, the kernel's modules of these names in that folder, and PID 1.
make_tree() {
	local name command tree=$1
	mkdir -p "$tree"/{bin,sbin,lib,lib64,proc,sys,dev,run,tmp,mod}
	cp "$ROOT/usr/bin/busybox" "$tree/bin/"
	for command in sh mount insmod rmmod dmesg grep tail echo; do ln -s busybox "$tree/bin/$command"; done
	with_libraries "$tree" /usr/bin/ip
	ln -s /usr/bin/ip "$tree/sbin/ip"
	gcc -static -O1 -Wall -Wextra -Werror -o "$tree/bin/relay" "$VM"/relay/*.c
	for name in "${@:4}"; do copy_module "$2" "$name" "$tree/mod"; done
	cp "$VM/complaints.txt" "$tree/mod/"
	install -m 755 "$3" "$tree/init"
}

# pack_tree TREE: as an initrd, to standard output. cpio is the root's, since a machine that runs tests need not have one.
pack_tree() { in_root "$1" sh -c 'cd /work && find . | cpio -o -H newc --quiet'; }

# disk_initrd NAME LINE…: an initrd for a stock kernel, to standard output, that loads the drivers of QEMU's disks, which are
# modules, mounts the first disk at /root, does the lines, and leaves for /root, where the last argument is PID 1.
disk_initrd() {
	local driver folder status=0 modules
	modules=$ROOT/usr/lib/modules/$(release_of "$1")
	folder=$(mktemp -d)
	mkdir -p "$folder"/{bin,dev,mod,root}
	cp "$ROOT/usr/bin/busybox" "$folder/bin/"
	{
		echo '#!/bin/busybox sh'
		echo '/bin/busybox mount -t devtmpfs dev /dev'
		for driver in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk; do
			# Some kernels have some of them built in.
			! copy_module "$modules" "$driver" "$folder/mod" || echo "/bin/busybox insmod /mod/$driver.ko"
		done
		echo '/bin/busybox mount -t ext4 /dev/vda /root'
		printf '%s\n' "${@:2:$#-2}"
		echo '/bin/busybox mount --move /dev /root/dev'
		echo "exec /bin/busybox switch_root /root ${*: -1}"
	} >"$folder/init"
	chmod 755 "$folder/init"
	pack_tree "$folder" || status=$?
	rm -rf "$folder"
	return "$status"
}
