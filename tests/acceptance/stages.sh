# A stage: one Kamailio and one lrkproxy from start to end, and the runs of calls in between.
# Sourced by run.sh.
# shellcheck shell=bash

# begin_stage VERSION udp|unix [DEFINE]: DEFINE switches on an optional part of kamailio.cfg.
begin_stage() {
  local version=$1 control=$2 define=${3:-} socket=udp:127.0.0.1:8080 port=8080
  stage=$LOGS/$version-$control${define:+-$define}${more_engines:+-drain}
  mkdir -p "$stage"
  say "== Kamailio $version, control over $control${define:+, $define}"
  if [[ $control == unix ]]; then
    # Away from kamailio.cfg's default, which must not be what makes this stage pass.
    socket=unix:/mnt/control.sock port=8081
  fi
  # Whether lrkproxy has confirmed the end of a call before the BYE goes on.
  ending=confirmed
  [[ $version == 6.0 ]] || ending=told
  write_lrkproxy_config "$port"
  # lrkproxy adopts the calls it finds in the kernel: those of a stage that failed are not wanted here.
  in_ns "$RELAY" nft delete table ip lrkproxy 2>/dev/null || true
  start_lrkproxy || fail "lrkproxy does not start: $stage/lrkproxy.out"
  if [[ -n $more_engines ]]; then
    start_second_lrkproxy || fail "the second lrkproxy does not start: $stage/second"
    socket="$socket $more_engines"
  fi
  start_kamailio "$version" "$socket" "$define" "$port" || fail "Kamailio does not start: $stage/kamailio.out"
}

# none_left: sessions gone from lrkproxy and from the kernel, at once after BYE.
none_left() { sessions_are 0 && no_flow legs && no_flow open; }

end_stage() {
  check "no session left, in lrkproxy or in the kernel" wait_for 3 "the sessions to go" none_left
  check "Kamailio is well" kamailio_is_well
  check "Kamailio ends when asked" stop "$kamailio_pid" 15
  check "lrkproxy ends when asked" stop "$lrkproxy_pid" 10
}

# stage VERSION CONTROL SCENARIO CALLS RATE HOLD [DEFINE]
stage() {
  begin_stage "$1" "$2" "${7:-}"
  calls_of "${@:3:4}"
  end_stage
}

stage_for_ci() {
  local version=$1
  begin_stage "$version" udp
  calls_of plain "$calls" "$rate" "$hold"
  calls_of early 5 5 2
  calls_of nat 5 5 2
  calls_of reinvite 3 3 2
  calls_of reinvite-refused 3 3 1
  calls_of callee-reinvite 3 3 2
  if [[ $version == 6.0 ]]; then
    calls_of crash 20 20 6 restart_in_mid_call
  fi
  sip_only cancel
  sip_only busy
  refuse_what_kills_the_module
  end_stage
  mutate_calls=1000
  stage_of_mutations "$version"
  stage "$version" udp nat-private 5 5 2 WITH_NAT
  stage_of_drain "$version"
  if [[ $version == 6.0 ]]; then
    stage "$version" unix plain 10 10 2
  fi
}

refuse_what_kills_the_module() {
  local long_name=a-rather-long-host-name.in.some-domain.example
  refused "IPv6 in c=" "IN IP6 2001:db8::1"
  refused "host name in c=" "IN IP4 $long_name"
}

# restart_in_mid_call CALLS: lrkproxy dies without a word while all calls are up, and comes back.
restart_in_mid_call() {
  check "all calls are up" wait_for 20 "$1 sessions" sessions_are "$1"
  check "lrkproxy is killed" crash_lrkproxy
  check "lrkproxy starts again" start_lrkproxy
  check "it has all calls" wait_for 2 "$1 sessions" sessions_are "$1"
}

# The other way round: a relay that dies for good must not pass. Run by --expect-fail.
stage_of_a_dying_relay() {
  local found
  begin_stage 6.0 udp
  calls_of plain 5 5 4 break_relay >"$stage/verdict" || true
  found=$(grep -c 'FAIL  RTC\?P ' "$stage/verdict" || true)
  cat "$stage/verdict"
  failures=0
  check "the rig noticed that all four streams broke off" test "$found" -eq 4
}

break_relay() {
  wait_for 10 "$1 sessions" sessions_are "$1"
  crash_lrkproxy
  in_ns "$RELAY" nft delete table ip lrkproxy
}
