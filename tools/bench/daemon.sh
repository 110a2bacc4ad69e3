#!/bin/bash
# The daemon under test and requests for it, sourced.

PROGRAM=${LRKPROXY:-$(dirname "${BASH_SOURCE[0]}")/../../dist/lrkproxy}
# The first control port; every further address pair has the next one.
CONTROL_PORT=8080
SESSIONS_PER_PAIR=10000
DAEMON_PID=

# wait_for SECONDS WHAT COMMAND...: until COMMAND succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    if ((SECONDS >= deadline)); then
      echo "Waited in vain for $what" >&2
      return 1
    fi
    sleep 0.05
  done
}

# daemon_config PAIRS: limits so wide that nothing expires while it is measured.
daemon_config() {
  local pair
  cat <<INI
[kernel]
start_port : 20000
end_port : 60000
internal_ip : 10.1.0.1
external_ip : 10.2.0.1
max_sessions : $(($1 * SESSIONS_PER_PAIR + SESSIONS_PER_PAIR))
[UDP socket]
socket_udp_host : 127.0.0.1
socket_udp_port : $CONTROL_PORT
[admin]
socket : $WORK/admin.sock
[session]
timeout : 3600
unheard_limit : 3600
INI
  for ((pair = 2; pair <= $1; pair++)); do
    cat <<INI
[instance pair$pair]
control_port : $((CONTROL_PORT + pair - 1))
internal_ip : 10.1.0.$pair
external_ip : 10.2.0.$pair
INI
  done
}

# daemon_start RIG PAIRS
daemon_start() {
  daemon_config "$2" >"$WORK/lrkproxy.ini"
  daemon_launch "$1"
  wait_for 30 "the daemon to be ready" grep -q ready "$WORK/daemon.log"
}

daemon_launch() {
  : >"$WORK/daemon.log"
  ip netns exec "$1-relay" "$PROGRAM" run --config "$WORK/lrkproxy.ini" 2>>"$WORK/daemon.log" &
  DAEMON_PID=$!
}

# daemon_end SIGNAL
daemon_end() {
  [ -n "$DAEMON_PID" ] || return 0
  kill "-$1" "$DAEMON_PID" 2>/dev/null || true
  wait "$DAEMON_PID" 2>/dev/null || true
  DAEMON_PID=
}

# requests VERB FIRST COUNT [TAG]: an S or D for each session; TAG tells calls
# apart that use the same ports one after the other.
requests() {
  "$BENCH_BIN/session_list" "$2" "$3" | awk -v verb="$1" -v i="$2" -v tag="${4:-call}" '{
    printf "%s %s %s %s %s %s %s %s %s 60 %s-%08d-4c1e-9b7d-5f2a@%s \n",
      verb, $1, $5, $3, $7, $2, $6, $4, $8, tag, i++, $1
  }'
}

# load RIG [OPTION...] <REQUESTS: see traffic/control_load.c for what it prints.
load() {
  ip netns exec "$1-relay" "$BENCH_BIN/control_load" "${@:2}"
}

# open_sessions RIG COUNT: each pair through its own control port.
open_sessions() {
  local first count port=$CONTROL_PORT outcome
  for ((first = 0; first < $2; first += SESSIONS_PER_PAIR, port++)); do
    count=$(($2 - first < SESSIONS_PER_PAIR ? $2 - first : SESSIONS_PER_PAIR))
    outcome=$(requests S "$first" "$count" | load "$1" -p "$port" -s 8 -w 64)
    if [ "$(cut -d' ' -f2 <<<"$outcome")" != "$count" ]; then
      echo "Cannot open $count sessions: $outcome (requests ok refused wrong lost …)" >&2
      return 1
    fi
  done
}

# lock_flows RIG COUNT: RTP and RTCP over every flow, until the daemon has
# locked all source ports. A burst may be more than it notes at once.
lock_flows() {
  wait_for 120 "all flows to be locked" hear_flows "$1" "$2"
  # Only now: nft starts a list anew whenever the daemon changes something.
  ip netns exec "$1-relay" nft list map ip lrkproxy open >"$WORK/open"
  ! grep 'elements =' "$WORK/open"
}

hear_flows() {
  inject "$1" "$2" $((2 * $2)) -b 2000 -r 20000 >/dev/null
  inject "$1" "$2" $((2 * $2)) -b 2000 -r 20000 -R >/dev/null
  wait_for 5 "" has_learned "$1" $((4 * $2)) 2>/dev/null
}

has_learned() {
  daemon_status "$1" && grep -q "\"learned\":$2\b" "$WORK/status"
}

# daemon_status RIG: into $WORK/status.
daemon_status() {
  ip netns exec "$1-relay" "$PROGRAM" status --json --config "$WORK/lrkproxy.ini" \
    >"$WORK/status" 2>/dev/null
}

# inject RIG SESSIONS FRAMES [OPTION...]: prints ns of CPU time a frame.
inject() {
  "$BENCH_BIN/frame_inject" -o "$BENCH_BIN/frame_inject.bpf.o" -C "$INJECT_CPU" \
    -p "$1" -n "$2" -c "$3" "${@:4}" | sed -n 's/.*cpu_ns=\([0-9.]*\).*/\1/p'
}
