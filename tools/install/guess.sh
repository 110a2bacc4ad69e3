#!/bin/bash
# Text in, text out, nothing touched: sourced by install.sh and put into the package's scripts.

# guess_addresses ADDRESSES ROUTES: "INTERNAL EXTERNAL", or nothing when there is no telling.
# ADDRESSES are of `ip -o -4 address show scope global`, ROUTES of `ip -4 route show default`.
# The outside is where the default route leads. The inside is the other address, if there is just
# one; bridges of containers and virtual machines carry no phones.
guess_addresses() {
	awk -v routes="$2" '
		$2 ~ /^(docker|br-|virbr|veth|lxc|lxd|cni|podman|tun|wg)/ { next }
		{ sub(/\/.*/, "", $4); device[++count] = $2; address[count] = $4 }
		END {
			split(routes, words)
			for (i = 1; i in words; i++) {
				if (words[i] == "dev" && outside == "") outside = words[i + 1]
				if (words[i] == "src" && source == "") source = words[i + 1]
			}
			if (outside == "" && count == 1) outside = device[1]
			for (i = 1; i <= count && external == ""; i++)
				if (device[i] == outside && (source == "" || source == address[i])) external = address[i]
			if (external == "") exit
			internal = external
			for (i = 1; i <= count; i++)
				if (address[i] != external) { internal = address[i]; others++ }
			print (others == 1 ? internal : external), external
		}' <<<"$1"
}

# The next three read what `lrkproxy check-config` prints.

# relay_ports CHECKED: "20000-30004,…"; Kamailio may go past the end of the range.
relay_ports() {
	awk '$1 == "ports" { split($2, ends, /[-,]/); last = ends[2] + 4; if (last > 65535) last = 65535
		printf "%s%d-%d", separator, ends[1], last; separator = "," } END { print "" }' <<<"$1"
}

# local_addresses CHECKED: the addresses of this machine that carry media, a line each.
local_addresses() {
	awk '$1 == "internal" { sub(/,/, "", $4); print $4; print $8 }' <<<"$1" | sort -u
}

# kamailio_sockets CHECKED: what Kamailio calls the control sockets, one for each instance.
kamailio_sockets() {
	awk '$1 == "instance" {
		socket = $5; sub(/,$/, "", socket)
		if ($5 == "UDP") {
			port = $6; sub(/,$/, "", port); host = port; sub(/.*:/, "", port); sub(/:[0-9]+$/, "", host)
			if (host == "0.0.0.0") host = "127.0.0.1"
			if (host == "::") host = "::1"
			socket = host ~ /:/ ? "udp6:[" host "]:" port : "udp:" host ":" port
		}
		printf "%s%s", separator, socket; separator = " "
	} END { print "" }' <<<"$1"
}

# port_set LIVE MINUS PLUS: lists such as "22,8080-8090"; LIVE without MINUS, then with PLUS.
port_set() {
	awk -v live="$1" -v minus="$2" -v plus="$3" '
		function mark(list, value,    ranges, ends, i, port) {
			split(list, ranges, /[, \t]+/)
			for (i = 1; i in ranges; i++) {
				if (ranges[i] == "") continue
				if (split(ranges[i], ends, "-") == 1) ends[2] = ends[1]
				for (port = ends[1] + 0; port <= ends[2] + 0; port++) taken[port] = value
			}
		}
		BEGIN {
			mark(live, 1); mark(minus, 0); mark(plus, 1)
			for (port = 0; port <= 65536; port++) {
				if (taken[port] && first == "") first = port
				if (taken[port] || first == "") continue
				printf "%s%s", separator, first == port - 1 ? first : first "-" (port - 1)
				separator = ","; first = ""
			}
			print ""
		}'
}

# interfaces_of CHECKED ADDRESSES: the interfaces that carry the local addresses.
interfaces_of() {
	awk -v wanted="$(local_addresses "$1")" '
		BEGIN { split(wanted, each); for (i in each) is_media[each[i]] = 1 }
		{ sub(/\/.*/, "", $4); if ($4 in is_media) print $2 }' <<<"$2" | sort -u
}

# sysctl_lines SETTINGS: a file for sysctl.d. An interface may be gone, so its lines may fail.
sysctl_lines() {
	awk '{ mark = $1 ~ /^net\/ipv4\/conf\// ? "-" : ""; print mark $1 " = " $2 }' <<<"$1"
}
