#!/bin/sh
# Runs in the user-mode machine: the time that the module takes for a daemon's requests; and the same from Deno.
#
#   control_guest.sh SESSIONS…
set -eu
cd "$(dirname "$0")"
insmod lrkproxy.ko
for sessions in "$@"; do ./flows time "$sessions"; done
if [ -e program ]; then
	# shellcheck disable=SC2046  # a command and its arguments
	$(cat program)
fi
rmmod lrkproxy
