# A second relay machine, for Kamailio to go to when the first one drains. Sourced after relay_machine.sh.
# shellcheck shell=bash
#
#   caller ── 10.10.2.0/24 ── second relay ── 192.0.3.0/24 ── callee
#  10.10.1.10              10.10.2.1  192.0.3.1            192.0.2.20
#                              10.88.0.2
#                                  │ control
#                              10.88.0.1, the first relay machine

SECOND=$NS-second
SECOND_CONTROL=10.88.0.2:8080
SECOND_TELL_FROM=udp:10.88.0.1:5061
MORE_ENGINES="10.10.2.1 192.0.3.1 $SECOND_CONTROL"
second_pid=0

make_second_relay() {
  add_namespace "$SECOND"
  link "$CALLER" second 10.10.2.10/24 "$SECOND" internal 10.10.2.1/24
  link "$CALLEE" second 192.0.3.20/24 "$SECOND" external 192.0.3.1/24
  link "$RELAY" second 10.88.0.1/24 "$SECOND" control 10.88.0.2/24
  # The parties keep the addresses that they have in SDP.
  ip -n "$SECOND" route add 10.10.1.0/24 via 10.10.2.10
  ip -n "$SECOND" route add 192.0.2.0/24 via 192.0.3.20
}

start_second_lrkproxy() {
  local run=$stage/second
  mkdir -p "$run"
  cat >"$run/lrkproxy.ini" <<EOF
[kernel]
internal_ip : 10.10.2.1
external_ip : 192.0.3.1
[UDP socket]
socket_udp_host : 10.88.0.2
allow : 10.88.0.1
[admin]
socket : $run/admin.sock
EOF
  start lrkproxy "$SECOND" "$LRKPROXY" run --config "$run/lrkproxy.ini"
  second_pid=$started
  wait_for 10 "the second lrkproxy to serve" grep -q ready "$run/lrkproxy.out"
}

# How many calls the second relay has had.
second_opened() {
  "$LRKPROXY" status --json --socket "$stage/second/admin.sock" | "$DENO" eval --quiet \
    'const text = await new Response(Deno.stdin.readable).text(); console.log(JSON.parse(text).status.relay.opened);'
}

# stage_of_drain VERSION: the relay drains while calls are up and others come. None of them notices.
stage_of_drain() {
  local opened
  make_second_relay
  more_engines=udp:$SECOND_CONTROL
  begin_stage "$1" udp
  more_engines=""
  relays=2
  calls_of plain 20 4 4 drain_in_mid_call
  relays=1
  check "the drained lrkproxy ends by itself" wait_for 20 "its last call to end" gone "$lrkproxy_pid"
  check "its status is 0" wait "$lrkproxy_pid"
  opened=$(second_opened)
  check "some calls went to the second relay, and some had gone to the first: $opened of 20" \
    test "$opened" -gt 0 -a "$opened" -lt 20
  check "Kamailio is well" kamailio_is_well
  check "Kamailio ends when asked" stop "$kamailio_pid" 15
  check "the second lrkproxy ends when asked" stop "$second_pid" 10
  ip netns del "$SECOND"
}

drain_in_mid_call() {
  check "calls are up" wait_for 20 "4 sessions" sessions_are_at_least 4
  check "lrkproxy drains" lrkproxy drain --no-wait --ring 0
}

sessions_are_at_least() {
  local count
  count=$(session_count)
  [[ -n $count && $count -ge $1 ]]
}
