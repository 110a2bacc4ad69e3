#!/bin/bash
# Boots the user-mode kernel, and runs a script of a kit in it with this machine's files as its root, read only.
#
#   boot_uml.sh KIT SCRIPT [ARGUMENT…]
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

(($# >= 2)) || fail "usage: boot_uml.sh KIT SCRIPT [ARGUMENT…]"
kit=$(realpath "$1")
shift
task=$(IFS=, && echo "$*")
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The kernel's memory is a file: one in memory, or a disk would be measured.
TMPDIR=/dev/shm timeout 600 "$UML/linux" mem="${LRK_UML_MEMORY:-3G}" rootfstype=hostfs ro init="$kit/guest_init.sh" \
	con=null con0=null,fd:1 quiet loglevel=1 kit="$kit" task="$task" </dev/null >"$log" 2>&1 || true
if ! grep -q '^DONE' <(tr -d '\r' <"$log"); then
	cat "$log" >&2
	fail "the user-mode kernel did not finish $task"
fi
tr -d '\r' <"$log" | grep -oE '(RESULT|CONTROL) .*'
