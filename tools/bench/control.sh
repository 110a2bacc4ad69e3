#!/bin/bash
# How the daemon serves Kamailio with 20,000 calls up, and what that takes:
# sourced. Pairs 1 and 2 carry the standing calls, pair 3 those that come and go.

STANDING=20000
SPARE_FIRST=20000
SPARE_PORT=$((CONTROL_PORT + 2))
CALLS_PER_SECOND=5000
# How long a call of the load lives, counted in calls.
CALLS_UP=5000

# bench_control LOAD_SECONDS UPKEEP_SECONDS: records lines for report.ts.
bench_control() {
  local rig=$BENCH-control
  rig_up "$rig" 3
  daemon_start "$rig" 3
  timed open_20000 open_sessions "$rig" "$STANDING"
  timed lock_80000_flows lock_flows "$rig" "$STANDING"
  bench_latency "$rig"
  bench_load "$rig" "$1"
  record value rss_mb "$(awk '$1 == "VmRSS:" { print $2 / 1024 }' "/proc/$DAEMON_PID/status")"
  bench_upkeep "$rig" "$2"
  bench_adoption "$rig"
  daemon_end TERM
  rigs_down
}

# timed NAME COMMAND...
timed() {
  local start=$EPOCHREALTIME
  "${@:2}"
  record value "$1_seconds" "$(seconds_since "$start")"
}

seconds_since() {
  echo "$1 $EPOCHREALTIME" | awk '{ printf "%.3f\n", $2 - $1 }'
}

# Every kind of request that Kamailio was seen to send, one after the other.
bench_latency() {
  local n=2000
  repeat P $n | latency "$1" ping
  repeat G $n | latency "$1" "get config"
  requests S $SPARE_FIRST $n | latency "$1" open
  requests S $SPARE_FIRST $n | latency "$1" "open again"
  requests S $SPARE_FIRST $n | awk '{ $9 += 1000; print $0 " " }' | latency "$1" "callee moved"
  requests S $SPARE_FIRST $n | awk '{ $5 = "0.0.0.0"; print $0 " " }' | latency "$1" hold
  requests D $SPARE_FIRST $n | latency "$1" close
  requests D $SPARE_FIRST $n | latency "$1" "close again"
  requests D $SPARE_FIRST $n | awk '{ $4 = $5 = $8 = $9 = ""; print $0 " " }' |
    latency "$1" "close unanswered"
}

repeat() {
  awk -v line="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) print line }'
}

# latency RIG NAME [OPTION...] <REQUESTS: one at a time unless the options say otherwise.
latency() {
  local outcome
  read -ra outcome <<<"$(load "$1" -p $SPARE_PORT "${@:3}")"
  record latency "$2" "${outcome[@]}"
}

# 5,000 calls begin and 5,000 end every second, on eight workers' sockets.
bench_load() {
  local rig=$1 calls=$(($2 * CALLS_PER_SECOND)) ticks
  calls S 0 $CALLS_UP | load "$rig" -p $SPARE_PORT -s 8 -w 64 >/dev/null
  ticks=$(daemon_ticks)
  paste -d'\n' <(calls S $CALLS_UP $calls) <(calls D 0 $calls) |
    latency "$rig" load -s 8 -w 1000000 -r $((2 * CALLS_PER_SECOND))
  record value load_cpu_percent "$(cpu_percent "$ticks" "$2")"
  calls D $calls $CALLS_UP | load "$rig" -p $SPARE_PORT -s 8 -w 64 >/dev/null
  # What was not answered may not have been done.
  wait_for 10 "$STANDING sessions after the load" has_sessions "$rig" $STANDING ||
    echo "$(counted_sessions <"$WORK/status") are left" >&2
}

# calls VERB FIRST COUNT: calls one after the other on the ports of the spare pair.
calls() {
  requests "$1" $SPARE_FIRST "$SESSIONS_PER_PAIR" | awk -v first="$2" -v count="$3" '
    { slot[NR - 1] = $0; sub(/call-[0-9]*/, "load-", slot[NR - 1]) }
    END {
      for (i = first; i < first + count; i++) {
        line = slot[i % NR]
        sub(/load-/, sprintf("load-%08d", i), line)
        print line
      }
    }'
}

# CPU time of the daemon, in ticks of 10 ms.
daemon_ticks() {
  sed 's/.*) //' "/proc/$DAEMON_PID/stat" | awk '{ print $12 + $13 }'
}

# Expiry and counters: without traffic, and with every flow heard now and then.
bench_upkeep() {
  local ticks rate=5000
  ticks=$(daemon_ticks)
  sleep "$2"
  record value upkeep_idle_cpu_percent "$(cpu_percent "$ticks" "$2")"
  ticks=$(daemon_ticks)
  inject "$1" $STANDING $((rate * $2)) -r $rate -b 1000 >/dev/null
  record value upkeep_traffic_cpu_percent "$(cpu_percent "$ticks" "$2")"
}

cpu_percent() {
  echo "$1 $(daemon_ticks) $2" | awk '{ printf "%.1f\n", ($2 - $1) / $3 }'
}

# Killed and started again: every session is back.
bench_adoption() {
  local start sessions
  has_sessions "$1" $STANDING || true
  sessions=$(counted_sessions <"$WORK/status")
  daemon_end KILL
  start=$EPOCHREALTIME
  daemon_launch "$1"
  ip netns exec "$1-relay" "$BENCH_BIN/control_wait" "$CONTROL_PORT" 30 >/dev/null
  record value restart_answer_seconds "$(seconds_since "$start")"
  wait_for 30 "$sessions sessions after the restart" has_sessions "$1" "$sessions"
  record value restart_sessions_seconds "$(seconds_since "$start")"
}

has_sessions() {
  daemon_status "$1" && [ "$(counted_sessions <"$WORK/status")" = "$2" ]
}

# The sum of those unheard, active and stale.
counted_sessions() {
  grep -o '"sessions":{[^}]*}' | grep -o '[0-9]\+' | awk '{ sum += $1 } END { print sum }'
}
