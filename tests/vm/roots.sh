#!/bin/bash
# Makes the root that the module is built in and that test machines boot from: Debian 13's compiler, and of each
# kernel in kernels.txt the headers, image and modules. Packages are unpacked, never installed, so nothing of them
# runs. Kept in the cache folder, which costs time once per machine; `rm -r` it for newer kernels.
#
# checkpatch comes from the source of 6.1.
#
#   roots.sh                       LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/apt.sh"

readonly TOOLS=(gcc-14 binutils make sparse perl mawk bash coreutils sed grep findutils diffutils gzip xz-utils kmod
	busybox-static iproute2 libelf1t64 libc6 cpio)
building=$ROOT.building
APT_WORK=$CACHE/kmod-apt

unpack() {
	local package
	for package in "$@"; do
		dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$building"
	done
}

unpack_tools() {
	local folder
	mkdir -p "$building"/usr/{bin,sbin,lib,lib64} "$building"/{proc,dev,tmp,work,kernels}
	for folder in bin sbin lib lib64; do ln -sfn "usr/$folder" "$building/$folder"; done
	apt_of trixie apt-get -y --download-only install "${TOOLS[@]}" >/dev/null
	unpack "$APT_WORK"/trixie/cache/archives/*.deb
	ln -sf bash "$building/usr/bin/sh"
	ln -sf mawk "$building/usr/bin/awk"
	ln -sf gcc-14 "$building/usr/bin/gcc"
}

unpack_kernel() {
	local name=$1 suite=$2 headers image parts folder=$APT_WORK/$1-debs
	headers=$(depends_of "$suite" linux-headers-cloud-amd64 '^linux-headers-')
	image=$(depends_of "$suite" linux-image-cloud-amd64 '^linux-image-')
	[[ -n $headers && -n $image ]] || fail "no cloud kernel in $suite"
	mapfile -t parts < <(depends_of "$suite" "$headers" '^linux-(headers|kbuild)-')
	mkdir -p "$folder"
	# Newer images are split into the kernel and its modules.
	mapfile -t -O "${#parts[@]}" parts < <(depends_of "$suite" "$image" '^linux-(modules|binary)-')
	(cd "$folder" && apt_of "$suite" apt-get download "$headers" "$image" "${parts[@]}")
	unpack "$folder"/*.deb
	echo "${headers#linux-headers-}" >"$building/kernels/$name"
}

# One script of a source package of a gigabyte.
unpack_checkpatch() {
	local into=$building/usr/src/checkpatch
	mkdir -p "$into"
	(cd "$APT_WORK" && apt_of bookworm apt-get download linux-source-6.1)
	dpkg-deb --fsys-tarfile "$APT_WORK"/linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | xz -dc |
		tar -x --strip-components=2 -C "$into" linux-source-6.1/scripts/{checkpatch.pl,spelling.txt,const_structs.checkpatch}
}

main() {
	[[ $EUID == 0 ]] || fail "must run as root: it makes roots"
	mkdir -p "$CACHE"
	exec 9>"$CACHE/.lock-kmod"
	flock 9
	[[ ! -d $ROOT ]] || return 0
	say "building $ROOT (kept for later runs)"
	rm -rf --one-file-system "$building" "$APT_WORK"
	mkdir -p "$building" "$APT_WORK"
	prepare_suite trixie
	unpack_tools
	while read -r name suite; do
		[[ $suite == trixie ]] || prepare_suite "$suite"
		unpack_kernel "$name" "$suite"
	done < <(grep -v '^#' "$VM/kernels.txt")
	unpack_checkpatch
	rm -rf "$APT_WORK"
	mv -T "$building" "$ROOT"
}
main
