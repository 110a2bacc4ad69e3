#!/bin/bash
# Makes the kernels that look for mistakes, of Debian's source of 6.1: `um` is user-mode Linux, `x86` is for QEMU. Kept
# in the cache folder, and made anew if their configuration here has changed; `rm -r` it for newer source.
#
#   kernels.sh um|x86…             LRK_CACHE=folder
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

source=$KERNELS/source

# Only what a build for x86 and user-mode Linux of this configuration may look at: all of Kconfig, and no drivers of the
# big families.
unpack_source() {
	local family left_out=()
	[[ ! -e $source/ready ]] || return 0
	say "unpacking the kernel's source into $source (kept for later runs)"
	rm -rf --one-file-system "$KERNELS"
	mkdir -p "$source"
	for family in gpu net/ethernet net/wireless media scsi staging infiniband usb; do
		left_out+=(--exclude="*/drivers/$family/*.[ch]")
	done
	(cd "$KERNELS" && apt-get download -qq -o APT::Sandbox::User=root linux-source-6.1)
	dpkg-deb --fsys-tarfile "$KERNELS"/linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | xz -dc |
		tar -x --strip-components=1 -C "$source" --exclude='*/Documentation/*/*' --exclude='*/tools/testing/*' \
			--exclude='*/arch/[!ux]*/*.[chS]' --exclude='*/arch/[!ux]*/*.dts*' --exclude='*/sound/*.[ch]' "${left_out[@]}"
	rm "$KERNELS"/linux-source-6.1_*.deb
	touch "$source/ready"
}

# wanted KERNEL: the lines that have to be in the finished configuration.
wanted() { cat "$DEBUG/common.config" "$DEBUG/$1.config"; }

configure() {
	local kernel=$1 build=$KERNELS/$1 missing
	wanted "$kernel" >"$build/wanted.config"
	make -s -C "$source" "O=$build" "ARCH=$(arch_of "$kernel")" "KCONFIG_ALLCONFIG=$build/wanted.config" allnoconfig
	missing=$(grep -v '^#' "$build/wanted.config" | grep -vxF -f "$build/.config" || true)
	[[ -z $missing ]] || fail "debug kernel $kernel: this kernel cannot have ${missing//$'\n'/, }"
}

# What is left is enough to run the kernel and to build modules.
build() {
	local kernel=$1 build=$KERNELS/$1 target=bzImage start=$SECONDS
	[[ $kernel == x86 ]] || target=linux
	say "building the debug kernel $kernel in $build (kept for later runs)"
	rm -rf --one-file-system "$build"
	mkdir -p "$build"
	configure "$kernel"
	nice make -s -j"$(nproc)" -C "$source" "O=$build" "ARCH=$(arch_of "$kernel")" "$target" modules >"$build/log" 2>&1 || {
		tail -n 40 "$build/log" >&2
		fail "debug kernel $kernel: does not build"
	}
	find "$build" -name '*.[oa]' -not -path '*/scripts/*' -not -path '*/tools/*' -delete
	wanted "$kernel" >"$build/ready"
	say "debug kernel $kernel: built in $((SECONDS - start)) s"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/.lock-kmod-debug"
flock 9
unpack_source
for kernel in "$@"; do
	wanted "$kernel" | cmp -s - "$KERNELS/$kernel/ready" || build "$kernel"
done
