# Shared by the scripts of user-mode kernels. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# The source, and for each kernel a folder to build it, and modules for it, in. The paths are built in, so none of them
# can be moved; a file `ready` says that a kernel is finished, and of what configuration.
UML=$CACHE/uml
# shellcheck disable=SC2034  # used by those who source this
readonly UML

# build_for_uml KERNEL FOLDER [ARGUMENT…]: builds the modules of a folder, in it. Any warning is a failure.
build_for_uml() {
	local kernel=$1 folder=$2
	shift 2
	make -C "$UML/$kernel" ARCH=um "M=$folder" "$@" modules >"$folder/build.log" 2>&1 || {
		cat "$folder/build.log" >&2
		fail "user-mode kernel $kernel: $(basename "$folder") does not build"
	}
}

# boot_uml KERNEL SECONDS ARGUMENT…: boots it with two CPUs, and prints what its console says. Ends with the machine.
# `seccomp` is how it runs programs on more than one CPU. Its memory is a file: one on a disk would be written to that.
boot_uml() {
	local kernel=$1 seconds=$2
	shift 2
	TMPDIR=/dev/shm timeout "$seconds" "$UML/$kernel/linux" seccomp=on ncpus=2 con=null con0=null,fd:1 panic=-1 "$@" </dev/null
}
