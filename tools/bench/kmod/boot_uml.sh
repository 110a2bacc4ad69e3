#!/bin/bash
# Boots the fast user-mode kernel, and runs a script of a kit in it. This machine's files are its root, read only.
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
# Kernel and programs are threads of the host that wait for each other: on two processors each would have to be woken.
taskset --cpu-list --pid "$(($(nproc) - 1))" $$ >/dev/null
boot_uml fast 600 mem=3G rootfstype=hostfs ro "init=$kit/guest_init.sh" quiet loglevel=1 "kit=$kit" "task=$task" \
	>"$log" 2>&1 || true
if ! grep -q '^DONE' <(tr -d '\r' <"$log"); then
	cat "$log" >&2
	fail "the user-mode kernel did not finish $task"
fi
tr -d '\r' <"$log" | grep -oE '(RESULT|CONTROL) .*'
