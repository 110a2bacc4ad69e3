#!/bin/sh
# Runs in the user-mode machine: the time that the module takes for a daemon's requests.
#
#   control_guest.sh SESSIONS…
set -eu
cd "$(dirname "$0")"
insmod lrkproxy.ko
for sessions in "$@"; do ./flows time "$sessions"; done
rmmod lrkproxy
