#!/bin/bash
# What it costs to pass one frame on, sourced. Each way of forwarding has its
# own rig, and all of them are up at the same time: a round measures one after
# the other, in an order that rotates, so that ratios are taken between runs
# that lie seconds apart on a machine whose speed changes.
#
# A way NAME is: up_NAME RIG SESSIONS, and options of its frames below.

WAYS=(floor plain conntrack counting lrkproxy userspace)
INJECT_CPU=$(($(nproc) > 1 ? 1 : 0))
RELAY_PIDS=()
# One process may have too few open files for all sessions.
SESSIONS_PER_RELAY=5000

up_floor() {
  ip netns exec "$1-relay" nft -f - <<'NFT'
table netdev floor {
  chain a {
    type filter hook ingress device side-a priority 0
    meta length 200 drop
  }
  chain b {
    type filter hook ingress device side-b priority 0
    meta length 200 drop
  }
}
NFT
}

up_plain() { :; }

# The nearest that conntrack comes: the maps are asked for a flow's first packet.
up_conntrack() {
  ip netns exec "$1-relay" nft -f - <<'NFT'
table ip nat {
  map destination {
    type ipv4_addr . ipv4_addr . inet_service : ipv4_addr . inet_service
  }
  map source {
    type ipv4_addr . ipv4_addr . inet_service : ipv4_addr . inet_service
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto udp dnat ip to ip saddr . ip daddr . udp dport map @destination
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    meta l4proto udp snat ip to ct original ip saddr . ct original ip daddr . ct original proto-dst map @source
  }
}
NFT
  nat_elements "$2" | ip netns exec "$1-relay" nft -f -
  # No entry may end between two rounds.
  ip netns exec "$1-relay" sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600 \
    net.netfilter.nf_conntrack_udp_timeout_stream=3600
}

# RTP and RTCP, as the relay's own map has them.
nat_elements() {
  "$BENCH_BIN/session_list" 0 "$1" | awk '{
    for (port = 0; port < 2; port++) {
      print $1 " . " $3 " . " $4 + port " : " $7 " . " $8 + port
      print $7 " . " $5 " . " $6 + port " : " $1 " . " $2 + port
    }
  }' | add_elements destination
  "$BENCH_BIN/session_list" 0 "$1" | awk '{
    for (port = 0; port < 2; port++) {
      print $1 " . " $3 " . " $4 + port " : " $5 " . " $6 + port
      print $7 " . " $5 " . " $6 + port " : " $3 " . " $4 + port
    }
  }' | add_elements source
}

# add_elements MAP <LINES: as nft commands of a size that nft takes at once.
add_elements() {
  awk -v map="$1" '
    NR % 2000 == 1 { printf "%sadd element ip nat %s { %s", (NR > 1 ? " }\n" : ""), map, $0; next }
    { printf ", %s", $0 }
    END { print " }" }'
}

# With what the relay does besides: count every flow's packets and bytes.
up_counting() {
  up_conntrack "$@"
  ip netns exec "$1-relay" sysctl -qw net.netfilter.nf_conntrack_acct=1
}

up_lrkproxy() {
  daemon_start "$1" 2
  open_sessions "$1" "$2"
  lock_flows "$1" "$2"
}

up_userspace() {
  local first count
  for ((first = 0; first < $2; first += SESSIONS_PER_RELAY)); do
    count=$(($2 - first < SESSIONS_PER_RELAY ? $2 - first : SESSIONS_PER_RELAY))
    ip netns exec "$1-relay" "$BENCH_BIN/user_relay" "$first" "$count" >"$WORK/relay.$first" &
    RELAY_PIDS+=($!)
    wait_for 20 "a user-space relay" grep -q ready "$WORK/relay.$first"
  done
}

# What the frames of a way are like. Sessions send in another order than that
# in which they were set up, as calls do: whoever keeps them side by side in
# memory would otherwise find the next one in the cache. Without a relay they go
# from phone to phone; a relay that cannot keep up with a card at full speed gets
# them more slowly.
frame_options() {
  printf '%s\n' -S 7919
  case $1 in
    plain) printf '%s\n' -F ;;
    userspace) printf '%s\n' -r 40000 -b 5000 ;;
  esac
}

# check_way WAY RIG SESSIONS: every session's frames arrive, rightly addressed.
check_way() {
  local direct=()
  [ "$1" != floor ] || return 0
  [ "$1" != plain ] || direct=(-F)
  "$BENCH_BIN/frame_check" -p "$2" -n "$3" "${direct[@]}" -- "$BENCH_BIN/frame_inject" \
    -o "$BENCH_BIN/frame_inject.bpf.o" -C "$INJECT_CPU" -p "$2" -n "$3" -c $((2 * $3)) \
    -r 40000 -b 500 "${direct[@]}" >"$WORK/check" 2>&1 || {
    echo "$1 does not relay as it should:" >&2
    cat "$WORK/check" >&2
    return 1
  }
}

# measure WAY RIG SESSIONS FRAMES: prints ns of CPU time a frame, all told.
measure() {
  local before cpu ns options
  mapfile -t options < <(frame_options "$1")
  before=$(delivered "$2")
  cpu=$(relay_cpu_ns "$1")
  ns=$(inject "$2" "$3" "$4" "${options[@]}")
  [ "$1" = floor ] ||
    wait_for 5 "$4 frames through $1" have_arrived "$2" $((before + $4 - $4 / 1000))
  echo "$ns $cpu $(relay_cpu_ns "$1") $4" | awk '{ printf "%.1f\n", $1 + ($3 - $2) / $4 }'
}

have_arrived() {
  (($(delivered "$1") >= $2))
}

# The other ways do their work within frame_inject's own time.
relay_cpu_ns() {
  local pid sum=0
  if [ "$1" = userspace ]; then
    for pid in "${RELAY_PIDS[@]}"; do
      sum=$((sum + $(cut -d' ' -f1 "/proc/$pid/schedstat")))
    done
  fi
  echo "$sum"
}

# bench_forwarding SESSIONS ROUNDS FRAMES: records lines for report.ts.
bench_forwarding() {
  local sessions=$1 way round i frames cost
  for way in "${WAYS[@]}"; do
    rig_up "$BENCH-$way" 2
    "up_$way" "$BENCH-$way" "$sessions"
    check_way "$way" "$BENCH-$way" "$sessions"
    measure "$way" "$BENCH-$way" "$sessions" "$((2 * sessions))" >/dev/null
  done
  for ((round = 0; round < $2; round++)); do
    for ((i = 0; i < ${#WAYS[@]}; i++)); do
      way=${WAYS[(i + round) % ${#WAYS[@]}]}
      frames=$3
      [ "$way" != userspace ] || frames=$(($3 / 5))
      cost=$(measure "$way" "$BENCH-$way" "$sessions" "$frames")
      record frame "$sessions" "$way" "$round" "$cost"
    done
  done
  forwarding_down
}

forwarding_down() {
  daemon_end TERM
  [ ${#RELAY_PIDS[@]} -eq 0 ] || kill "${RELAY_PIDS[@]}" 2>/dev/null || true
  RELAY_PIDS=()
  rigs_down
}
