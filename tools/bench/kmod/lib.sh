# Shared by the module's benchmarks: where things are. Sourced, never run.
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../../../tests/vm/lib.sh"

KMOD_BENCH=$TOP/tools/bench/kmod
# The source of Debian 12's kernel, and what is built of it for user mode.
SOURCE=$CACHE/linux-source-6.1
UML=$CACHE/uml-fast
# shellcheck disable=SC2034  # used by those who source this
readonly KMOD_BENCH SOURCE UML

# linked_libraries ROOT PROGRAM: what a program of a root is linked to, as paths in that root.
linked_libraries() {
	chroot "$1" /lib64/ld-linux-x86-64.so.2 --list "$2" | grep -oE '/[^ ]+'
}
