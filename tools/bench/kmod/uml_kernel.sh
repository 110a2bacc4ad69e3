#!/bin/bash
# Builds a user-mode kernel of Debian 12's source, without debugging aids: code runs at the machine's own speed. Kept in
# the cache folder, with its source; `rm -r` both for a newer one.
#
#   uml_kernel.sh                  LRK_CACHE=folder
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# Bytes of all registers that the processor saves, as ptrace(2) wants them back.
registers_size() {
	local program=$SOURCE.building/registers
	gcc -x c -o "$program" - <<-'C'
		#include <cpuid.h>
		#include <stdio.h>

		int main(void)
		{
			unsigned int a, b, c, d;

			__cpuid_count(0xd, 0, a, b, c, d);
			return printf("%u\n", b) < 0;
		}
	C
	"$program"
	rm "$program"
}

# Once for all kernels that are built of it.
unpack_source() (
	exec 8>"$CACHE/.lock-linux-source"
	flock 8
	[[ ! -d $SOURCE ]] || return 0
	say "unpacking $SOURCE (kept for later runs)"
	building=$SOURCE.building
	rm -rf --one-file-system "$building"
	mkdir -p "$building/package"
	(cd "$building/package" && apt-get -qq -o APT::Sandbox::User=root download linux-source-6.1)
	dpkg-deb --fsys-tarfile "$building"/package/linux-source-6.1_*.deb |
		tar -xO ./usr/src/linux-source-6.1.tar.xz | xz -dc | tar -x --strip-components=1 -C "$building"
	rm -r "$building/package"
	# The source has the size of older processors, which newer ones do not take.
	sed -i "s/HOST_FP_SIZE, 2696/HOST_FP_SIZE, $(registers_size)/" "$building/arch/x86/um/user-offsets.c"
	mv -T "$building" "$SOURCE"
)

build() {
	local building=$UML.building make=(make -C "$SOURCE" ARCH=um O="$UML.building")
	say "building $UML (kept for later runs)"
	rm -rf --one-file-system "$building"
	mkdir -p "$building"
	"${make[@]}" defconfig
	(cd "$building" && "$SOURCE/scripts/kconfig/merge_config.sh" -m .config "$KMOD_BENCH/uml.config")
	"${make[@]}" olddefconfig
	nice -n 10 "${make[@]}" -j2 linux modules
	mv -T "$building" "$UML"
}

mkdir -p "$CACHE"
exec 9>"$CACHE/.lock-uml-fast"
flock 9
[[ ! -d $UML ]] || exit 0
unpack_source
log=$(mktemp)
trap 'rm -f "$log"' EXIT
build >"$log" 2>&1 || {
	tail -n 40 "$log" >&2
	fail "the user-mode kernel does not build"
}
