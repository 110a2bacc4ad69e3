# Shared by the scripts of the kernels that look for mistakes. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

DEBUG=$VM/debug
# The source of both kernels, and for each a folder to build it, and modules for it, in. The paths are built in, so none
# of them can be moved; a file `ready` says that a kernel is finished, and of what configuration.
KERNELS=$CACHE/kmod-debug
# shellcheck disable=SC2034  # used by those who source this
readonly DEBUG KERNELS

# arch_of um|x86: what the kernel calls it.
arch_of() {
	case $1 in
	um) echo um ;;
	x86) echo x86_64 ;;
	*) fail "no such debug kernel: $1" ;;
	esac
}

# build_modules KERNEL FOLDER [ARGUMENT…]: builds the modules of a folder, in it.
build_modules() {
	local kernel=$1 folder=$2
	shift 2
	make -C "$KERNELS/$kernel" "ARCH=$(arch_of "$kernel")" "M=$folder" "$@" modules >"$folder/build.log" 2>&1 || {
		cat "$folder/build.log" >&2
		fail "debug kernel $kernel: $(basename "$folder") does not build"
	}
}
