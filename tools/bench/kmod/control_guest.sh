#!/bin/sh
# Runs in the user-mode machine: how long the daemon's own code takes to move sessions into the module and out of it, and
# to read their statistics.
#
#   control_guest.sh TOP           the repository
set -eu
kit=$(cd "$(dirname "$0")" && pwd)
insmod "$kit/lrkproxy.ko"
cp -r "$kit/deno" /run/deno
export DENO_DIR=/run/deno DENO_NO_UPDATE_CHECK=1 NO_COLOR=1 HOME=/run
# shellcheck source-path=SCRIPTDIR source=../../v8.sh
. "$1/tools/v8.sh"
"$1/tools/deno.sh" run "$v8_flags" --allow-all --no-check --quiet "$1/tools/bench/kmod/control.ts" | sed 's/^/CONTROL /'
rmmod lrkproxy
