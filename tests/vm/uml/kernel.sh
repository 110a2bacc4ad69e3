#!/bin/bash
# Makes a user-mode kernel (ARCH=um) of the source of Debian's newest: `debug` looks for mistakes, `fast` is one as in
# service, that runs at the machine's own speed. Older ones have one CPU, and no room for the registers of newer
# processors. Kept in the cache folder, and made anew if its configuration here has changed; `rm -r` it for newer source.
#
#   kernel.sh debug|fast           LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../apt.sh"

[[ ${1:-} == debug || ${1:-} == fast ]] || fail "usage: kernel.sh debug|fast"
kernel=$1
source=$UML/source
build=$UML/$kernel
APT_WORK=$UML/apt

# Only what a build of these configurations may look at: all of Kconfig, and no drivers of the big families.
unpack_source() {
	local family package left_out=()
	[[ ! -e $source/ready ]] || return 0
	say "unpacking the kernel's source into $source (kept for later runs)"
	rm -rf --one-file-system "$UML"
	mkdir -p "$source"
	for family in gpu net/ethernet net/wireless media scsi staging infiniband usb; do
		left_out+=(--exclude="*/drivers/$family/*.[ch]")
	done
	prepare_suite sid
	package=$(depends_of sid linux-source '^linux-source-')
	[[ -n $package ]] || fail "no kernel source in sid"
	(cd "$APT_WORK" && apt_of sid apt-get download "$package")
	dpkg-deb --fsys-tarfile "$APT_WORK"/linux-source-*.deb | tar -xO "./usr/src/$package.tar.xz" | xz -T0 -dc |
		tar -x --strip-components=1 -C "$source" --exclude='*/Documentation/*/*' --exclude='*/tools/testing/*' \
			--exclude='*/arch/[!ux]*/*.[chS]' --exclude='*/arch/[!ux]*/*.dts*' --exclude='*/sound/*.[ch]' "${left_out[@]}"
	rm -r "$APT_WORK"
	walk_stacks_by_frames
	touch "$source/ready"
}

# User mode looks at every word of a stack, whether it might be an address of code. Each allocation under KASAN would take a
# third of a millisecond by that. A look at the frames finds the same addresses, but for those that traces print with a `?`.
walk_stacks_by_frames() {
	local file=$source/arch/um/kernel/stacktrace.c all='if (__kernel_text_address(addr)) {'
	grep -qF "$all" "$file" || fail "user-mode kernel: $file is not as it was"
	sed -i "s/${all//[()]/.}/if ((unsigned long) sp == bp + sizeof(long) \&\& __kernel_text_address(addr)) {/" "$file"
}

# The lines that have to be in the finished configuration.
wanted() { cat "$VM/uml/common.config" "$VM/uml/$kernel.config"; }

configure() {
	local missing
	wanted >"$build/wanted.config"
	make -s -C "$source" "O=$build" ARCH=um "KCONFIG_ALLCONFIG=$build/wanted.config" allnoconfig
	missing=$(grep -v '^#' "$build/wanted.config" | grep -vxF -f "$build/.config" || true)
	[[ -z $missing ]] || fail "user-mode kernel $kernel: this source cannot have ${missing//$'\n'/, }"
}

# What is left is enough to run the kernel and to build modules.
build() {
	local start=$SECONDS
	say "building the user-mode kernel $kernel in $build (kept for later runs)"
	rm -rf --one-file-system "$build"
	mkdir -p "$build"
	configure
	nice make -s -j"$(nproc)" -C "$source" "O=$build" ARCH=um linux modules >"$build/log" 2>&1 || {
		tail -n 40 "$build/log" >&2
		fail "user-mode kernel $kernel: does not build"
	}
	find "$build" -name '*.[oa]' -not -path '*/scripts/*' -not -path '*/tools/*' -delete
	wanted >"$build/ready"
	say "user-mode kernel $kernel: built in $((SECONDS - start)) s"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/.lock-uml"
flock 9
unpack_source
wanted | cmp -s - "$build/ready" || build
