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

# make_tree TREE FOLDER INIT MODULE…: busybox, ip, relay, the kernel's modules of these names in that folder, and PID 1.
make_tree() {
	local name file command tree=$1
	mkdir -p "$tree"/{bin,sbin,lib,lib64,proc,sys,dev,run,tmp,mod}
	cp "$ROOT/usr/bin/busybox" "$tree/bin/"
	for command in sh mount insmod rmmod dmesg grep tail echo; do ln -s busybox "$tree/bin/$command"; done
	with_libraries "$tree" /usr/bin/ip
	ln -s /usr/bin/ip "$tree/sbin/ip"
	gcc -static -O1 -Wall -Wextra -Werror -o "$tree/bin/relay" "$VM"/relay/*.c
	for name in "${@:4}"; do
		file=$(find "$2/" -name "$name.ko*")
		if [[ $file == *.xz ]]; then xz -dc "$file" >"$tree/mod/$name.ko"; else cp "$file" "$tree/mod/$name.ko"; fi
	done
	cp "$VM/complaints.txt" "$tree/mod/"
	install -m 755 "$3" "$tree/init"
}

# pack_tree TREE: as an initrd, to standard output. cpio is the root's, since a machine that runs tests need not have one.
pack_tree() {
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		mount --bind "$2" "$1/work"
		chroot "$1" /bin/sh -c "cd /work && find . | cpio -o -H newc --quiet"
	' - "$ROOT" "$1"
}
