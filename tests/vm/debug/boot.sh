#!/bin/bash
# Boots the user-mode kernel that looks for mistakes, and runs one thing in it. What it printed goes to standard output.
#
#   boot.sh FOLDER relay                FOLDER has the modules to test
#   boot.sh FOLDER fuzz MEGABYTES
#   boot.sh FOLDER stress SECONDS
#   boot.sh FOLDER plant MISTAKE
#
#   LRK_BOOT_SECONDS=300                after which the machine is ended
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../tree.sh"

(($# == 2 || $# == 3)) || fail "usage: boot.sh FOLDER WHAT [ARGUMENT]"
modules=$1 what=$2 argument=${3:-}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$scratch/tree

make_tree "$tree" "$UML/debug" "$DEBUG/init.sh" llc stp bridge br_netfilter veth vrf
for command in sed cat; do ln -s busybox "$tree/bin/$command"; done
cp "$DEBUG/complaints.txt" "$tree/"
find "$modules" "$UML/debug/lib/kunit" -name '*.ko' -exec cp {} "$tree/mod/" \;
for program in fuzz stress; do
	gcc -static -O1 -Wall -Wextra -Werror -pthread -o "$tree/bin/$program" "$DEBUG/$program.c"
done
pack_tree "$tree" >"$scratch/initrd"

status=0
boot_uml debug "${LRK_BOOT_SECONDS:-300}" ncpus=2 mem=1536M "initrd=$scratch/initrd" sysctl.vm.mem_profiling=1 quiet \
	"lrk_run=$what" "lrk_argument=$argument" >"$scratch/log" 2>&1 || status=$?
cat "$scratch/log"
((status == 0)) || fail "debug kernel: $what $argument, status $status"
grep -qx $'ALL PASSED\r\\?' "$scratch/log" || fail "debug kernel: $what $argument"
