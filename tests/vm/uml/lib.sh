# Shared by the scripts of user-mode kernels. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# The source, and for each kernel a folder to build it, and modules for it, in. The paths are built in, so none of them
# can be moved; a file `ready` says that a kernel is finished, and of what configuration.
UML=$CACHE/uml
# shellcheck disable=SC2034  # used by those who source this
readonly UML

# build_for_uml KERNEL FOLDER [ARGUMENT…]: builds the modules of a folder, in it.
build_for_uml() {
	local kernel=$1 folder=$2
	shift 2
	make -C "$UML/$kernel" ARCH=um "M=$folder" "$@" modules >"$folder/build.log" 2>&1 || {
		cat "$folder/build.log" >&2
		fail "user-mode kernel $kernel: $(basename "$folder") does not build"
	}
}

# boot_uml KERNEL SECONDS ARGUMENT…: boots it, and prints what its console says. Ends with the machine. `seccomp` is the
# faster way of running programs, and the only one on more than one CPU. Its memory is a file: on a disk it would be
# written to that, and in small pages each access would be looked up by the host, which no kernel's own memory is.
boot_uml() {
	local kernel=$1 seconds=$2
	shift 2
	# shellcheck disable=SC2016  # the inner shell's
	unshare --mount --propagation private bash -euc '
		mount -t tmpfs -o huge=always memory /dev/shm
		TMPDIR=/dev/shm exec timeout "$@"
	' - "$seconds" "$UML/$kernel/linux" seccomp=on con=null con0=null,fd:1 panic=-1 "$@" </dev/null
}
