#!/bin/bash
# Three namespaces in a row, sourced by the benchmarks:
#
#   RIG-a  relay0 ---- side-a  RIG-relay  side-b ---- relay0  RIG-b
#
# The phones (10.64.0.0/10 and 10.128.0.0/10, see traffic/frames.h) lie behind
# one next hop each: no run measures 20,000 neighbour entries.

# shellcheck source=../../tests/support/network.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tests/support/network.sh"

RIGS=()

# rig_up RIG PAIRS: with PAIRS relay addresses on either side.
rig_up() {
  local rig=$1 pairs=$2
  RIGS+=("$rig")
  add_namespace "$rig-relay"
  rig_side "$rig" a 10.1.0 10.64.0.0/10 02:00:00:00:0a "$pairs"
  rig_side "$rig" b 10.2.0 10.128.0.0/10 02:00:00:00:0b "$pairs"
  ip netns exec "$rig-relay" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
    net.ipv4.conf.side-a.rp_filter=0 net.ipv4.conf.side-b.rp_filter=0
}

rig_side() {
  local rig=$1 side=$2 net=$3 phones=$4 mac=$5 pairs=$6 i
  add_namespace "$rig-$side"
  ip -n "$rig-relay" link add "side-$side" address "$mac:01" type veth \
    peer name relay0 address "$mac:00" netns "$rig-$side"
  for ((i = 1; i <= pairs; i++)); do
    ip -n "$rig-relay" addr add "$net.$i/24" dev "side-$side"
  done
  ip -n "$rig-$side" addr add "$net.254/24" dev relay0
  ip -n "$rig-$side" link set relay0 up
  ip -n "$rig-relay" link set "side-$side" up
  ip -n "$rig-relay" neigh add "$net.254" lladdr "$mac:00" dev "side-$side" nud permanent
  ip -n "$rig-relay" route add "$phones" via "$net.254"
  rig_sink "$rig-$side"
}

# Frames of the benchmark's size end here, counted, before the IP stack sees them.
rig_sink() {
  ip netns exec "$1" nft -f - <<'NFT'
table netdev sink {
  counter delivered { }
  chain ingress {
    type filter hook ingress device relay0 priority 0
    meta length 200 counter name delivered drop
  }
}
NFT
}

# delivered RIG: how many frames have reached either far end so far.
delivered() {
  local side
  for side in a b; do
    ip netns exec "$1-$side" nft list counter netdev sink delivered
  done | awk '$1 == "packets" { sum += $2 } END { print sum }'
}

rigs_down() {
  local rig side
  for rig in "${RIGS[@]}"; do
    for side in a relay b; do
      ip netns del "$rig-$side" 2>/dev/null || true
    done
  done
  RIGS=()
}
