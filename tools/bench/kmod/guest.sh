#!/bin/sh
# Runs in the machine that is measured, from a folder with everything it needs (see kit.sh): sends the same packets each
# way in turn, and prints for each RESULT way sessions least median, in tenths of a nanosecond.
#
#   guest.sh SESSIONS PACKETS ROUNDS [WAY…]
#
# Ways:
#   drop        dropped at the first hook: what it costs to get there, and to free the packet
#   plain       routed, with no rule at all
#   module      lrkproxy.ko
#   waiting     the same, which looks no packets up ahead; not by default, as it makes no difference with few sessions
#   nft         lrkproxy's nftables rules
#   conntrack   nftables' NAT, by connection tracking
#   rtpengine   its kernel module, with its version; last, for it leaves hooks behind
set -eu
cd "$(dirname "$0")"
sessions=$1 packets=$2 rounds=$3
shift 3

devices() {
	# It sends packets of its own.
	echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	ip link set lo up
	ip link add in0 type dummy
	ip link add out0 type dummy
	ip addr add 10.200.0.1/24 dev in0
	ip addr add 10.201.0.1/24 dev out0
	ip link set in0 up
	ip link set out0 up
	for i in 1 2 3 4; do
		ip addr add 10.99.0.$i/32 dev in0
		ip addr add 10.98.0.$i/32 dev out0
	done
	# All phones are behind one next hop on either side.
	ip route add 10.64.0.0/12 via 10.200.0.2
	ip route add 10.128.0.0/12 via 10.201.0.2
	for i in all default in0 out0; do
		echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter
		echo 1 >/proc/sys/net/ipv4/conf/$i/accept_local
	done
	echo 1 >/proc/sys/net/ipv4/ip_forward
}

sent() { cat /sys/class/net/out0/statistics/tx_packets; }

# inject WAY EXPECTED [OPTION…]: measures, and sees that so many packets came out, of 1 that went in.
inject() {
	way=$1 before=$(sent) expected=$(((2 * sessions + rounds * packets) * $2))
	shift 2
	insmod inject.ko sessions="$sessions" packets="$packets" rounds="$rounds" "$@"
	out=$(($(sent) - before))
	if [ $out != $expected ]; then
		echo "FAIL: $way: $out packets came out, not $expected"
		exit 1
	fi
	echo "RESULT $way $sessions $(cat /sys/module/inject/parameters/least /sys/module/inject/parameters/middle | tr '\n' ' ')"
	rmmod inject
}

way_drop() { inject drop 0 drop=1; }

way_plain() { inject plain 1 direct=1; }

# with_module WAY [PARAMETER…]
with_module() {
	way=$1
	shift
	insmod lrkproxy.ko "$@"
	./flows add "$sessions"
	inject "$way" 1
	rmmod lrkproxy
}

way_module() { with_module module; }

way_waiting() { with_module waiting ahead_flows=0; }

way_nft() {
	nft -f "$sessions/table.nft"
	./replay "$sessions/transactions"
	inject nft 1
	nft delete table ip lrkproxy
}

way_conntrack() {
	echo 400000 >/proc/sys/net/netfilter/nf_conntrack_max
	# As for a machine of this size: a chain of at most one or two.
	echo 262144 >/sys/module/nf_conntrack/parameters/hashsize
	nft -f "$sessions/nat.nft"
	inject conntrack 1
	nft delete table ip nat
}

way_rtpengine() {
	[ -e rtpengine_version ] || return 0
	if [ -e nft_rtpengine.ko ]; then
		insmod nft_rtpengine.ko
		nft 'add table ip filter; add chain ip filter rtpengine { type filter hook input priority 0; }'
		./replay rtpengine_rule
	else
		insmod xt_RTPENGINE.ko
		XTABLES_LIBDIR=$PWD iptables-legacy -I INPUT -p udp -j RTPENGINE --id 0
	fi
	./rtpengine_load "$sessions"
	inject "$(cat rtpengine_version)" 1
}

[ $# -gt 0 ] || set -- drop plain module nft conntrack rtpengine
devices
for way in "$@"; do "way_$way"; done
