#!/bin/bash
# Real calls through the unit: Kamailio 6.0 and SIPp around a booted Debian in which systemd has
# started lrkproxy. In the midst of the calls, the daemon is killed and the unit restarted.
#
#   calls.sh [CALLS [A_SECOND [HELD_SECONDS]]]
. "$(dirname "$0")/../acceptance/lib.sh"
# shellcheck source=../acceptance/topology.sh
. "$ACCEPTANCE/topology.sh"
# shellcheck source=../acceptance/relay_machine.sh
. "$ACCEPTANCE/relay_machine.sh"
# shellcheck source=../acceptance/scenario.sh
. "$ACCEPTANCE/scenario.sh"

calls=${1:-20} rate=${2:-10} held=${3:-6}
readonly SUITE=bookworm
failures=0
machine=0
boot=0

need_root
need_commands sipp=sip-tester gcc=gcc make=make ip=iproute2 nft=nftables ss=iproute2 chrt=util-linux
DENO=$(find_deno)
LOGS=$(mktemp -d "${TMPDIR:-/tmp}/lrkproxy-systemd.XXXXXX")

finish() {
  local status=$?
  if ((boot)); then
    kill -TERM "$boot" 2>/dev/null || true
    wait "$boot" 2>/dev/null || true
  fi
  tear_down
  drop_logs "$status"
}
trap finish EXIT

in_machine() { nsenter --target "$machine" --all "$@"; }

boot_machine() {
  "$TOP/tests/systemd/boot.sh" "$SUITE" "$RELAY" "$stage/lrkproxy.ini" >"$stage/machine" 2>"$stage/boot.out" &
  boot=$!
  wait_for 120 "the machine" test -s "$stage/machine" || return 1
  machine=$(cat "$stage/machine")
  wait_for 60 "systemd" machine_is_up
}

machine_is_up() { [[ $(in_machine systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }

# The functions of relay_machine.sh, with the daemon in the machine.
lrkproxy() { in_machine lrkproxy "$@"; }

kill_and_restart() {
  check "all calls are up" wait_for 20 "$1 sessions" sessions_are "$1"
  check "the daemon is killed" in_machine systemctl kill --signal=KILL lrkproxy
  check "systemd starts it again, with all calls" wait_for 5 "$1 sessions" sessions_are "$1"
  check "the unit is restarted" in_machine systemctl restart lrkproxy
  check "it has all calls" wait_for 5 "$1 sessions" sessions_are "$1"
}

none_left() { sessions_are 0; }

mount -t tmpfs -o mode=700 lrkproxy-systemd "$LOGS"
bash "$ACCEPTANCE/roots.sh" 6.0
make -s -C "$TOP/tests/tools" OUT="$LOGS/tools" rtp_peer
make_topology
stage=$LOGS/unit
# Read by scenario.sh: Kamailio 6.0 says that a call is over.
# shellcheck disable=SC2034
ending=bye
mkdir -p "$stage"
write_lrkproxy_config 8080 "timeout : 60"
sed -i 's|^listen : .*|listen : /run/lrkproxy/control.sock|; s|^socket : .*|socket : /run/lrkproxy/admin.sock|' "$stage/lrkproxy.ini"
say "== Kamailio 6.0, lrkproxy started by systemd in $SUITE"
boot_machine || fail "the machine does not boot: $stage/boot.out"
in_machine systemctl start lrkproxy || fail "the unit does not start"
start_kamailio 6.0 udp:127.0.0.1:8080 UNUSED 8080 || fail "Kamailio does not start: $stage/kamailio.out"
calls_of plain "$calls" "$rate" "$held" kill_and_restart
check "no session left" wait_for 3 "the sessions to go" none_left
check "Kamailio is well" kamailio_is_well
in_machine journalctl --no-pager --unit lrkproxy >"$stage/lrkproxy.out"

((failures == 0)) || fail "$failures checks"
say "all calls as they should be"
