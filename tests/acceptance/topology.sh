# The world of a run: namespaces, the relay machine's programs, the phones. Sourced after lib.sh.
# shellcheck shell=bash
#
#   phone ──(NAT)── caller ── 10.10.1.0/24 ── relay ── 192.0.2.0/24 ── callee
#  10.99.0.2       10.10.1.10              10.10.1.1 192.0.2.1        192.0.2.20
#
# Neither side has a route past the relay: what arrives came through it. Only the NAT runs use the phone.

NS=lrk-acc-$$
PHONE=$NS-phone CALLER=$NS-caller RELAY=$NS-relay CALLEE=$NS-callee
pids=()

in_ns() { ip netns exec "$@"; }

# link NS1 DEV1 ADDRESS1 NS2 DEV2 ADDRESS2
link() {
  ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
  ip -n "$1" address add "$3" dev "$2"
  ip -n "$4" address add "$6" dev "$5"
  ip -n "$1" link set "$2" up
  ip -n "$4" link set "$5" up
}

make_topology() {
  local ns
  for ns in "$PHONE" "$CALLER" "$RELAY" "$CALLEE"; do
    add_namespace "$ns"
  done
  link "$CALLER" eth0 10.10.1.10/24 "$RELAY" internal 10.10.1.1/24
  link "$CALLEE" eth0 192.0.2.20/24 "$RELAY" external 192.0.2.1/24
  link "$PHONE" eth0 10.99.0.2/24 "$CALLER" lan 10.99.0.1/24
  ip -n "$PHONE" route add default via 10.99.0.1
  make_nat
}

# A home router at its worst: every mapping gets a random port, RTP and RTCP apart.
make_nat() {
  in_ns "$CALLER" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  in_ns "$CALLER" nft -f - <<'EOF'
table ip home {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ip saddr 10.99.0.0/24 oifname "eth0" masquerade fully-random
  }
}
EOF
}

# start NAME NAMESPACE COMMAND…: in the background, output to $run/NAME.out; its pid in $started.
start() {
  local name=$1 ns=$2
  shift 2
  # Not in_ns: the pid of a function in the background would be a shell's, not the program's.
  ip netns exec "$ns" "$@" >>"$run/$name.out" 2>&1 </dev/null &
  started=$!
  pids+=("$started")
}

alive() { kill -0 "$1" 2>/dev/null; }
gone() { ! alive "$1"; }

# stop PID SECONDS: ask, wait, and report when it had to be killed.
stop() {
  kill -TERM "$1" 2>/dev/null || true
  wait_for "$2" "process $1 to end" gone "$1" || {
    kill -KILL "$1" 2>/dev/null || true
    return 1
  }
}

tear_down() {
  local ns pid
  for pid in "${pids[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
  done
  for ns in "$PHONE" "$CALLER" "$RELAY" "$CALLEE" "${SECOND:-}"; do
    [[ -n $ns && -e /run/netns/$ns ]] || continue
    # Whatever still runs in a namespace of this run was started by it: Kamailio's workers, if it crashed.
    for pid in $(ip netns pids "$ns" 2>/dev/null); do
      kill -KILL "$pid" 2>/dev/null || true
    done
    ip netns del "$ns" 2>/dev/null || true
  done
}
