#!/bin/bash
# What both kinds of cases check with: sourced, inside the machine, from the folder of the source.
# shellcheck disable=SC2034  # used by those who source this

config=/etc/lrkproxy/lrkproxy.ini
output=/root/output
built=/root/built

fail() {
	printf 'FAIL: %s\n' "$*"
	[[ ! -e $output ]] || sed 's/^/  | /' "$output"
	exit 1
}
ok() { printf 'ok %s (%d s)\n' "$*" "$SECONDS"; }

installs() { ./install.sh "$@" >"$output" 2>&1 </dev/null || fail "install.sh $*"; }
refuses() { ! ./install.sh "$@" >"$output" 2>&1 </dev/null || fail "install.sh $* did not fail"; }
says() { grep -qF -- "$1" "$output" || fail "does not say: $1"; }
# is WHAT EXPECTED ACTUAL
is() { [[ $2 == "$3" ]] || fail "$1: \"$3\" instead of \"$2\""; }

# Everything on this machine but what is Debian's own book-keeping.
snapshot() {
	find / -xdev \( -path /root -o -path /opt -o -path /proc -o -path /sys -o -path /tmp -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/cache/apt -o -path /var/cache/debconf -o -path /var/log -o -path /etc/.pwd.lock \
		-o -path '/etc/*-' -o -path /etc/ld.so.cache -o -path /var/cache/ldconfig \) -prune -o \
		\( -type f -o -type d -o -type l \) -printf '%M %u:%g %p %l\n' | LC_ALL=C sort
	[[ ! -e /root/.cache/lrkproxy ]] || echo /root/.cache/lrkproxy
	cat /etc/passwd /etc/group
}
sums() { find /etc /usr/local -xdev -type f -exec sha256sum {} + | LC_ALL=C sort -k 2; }
sysctls() { grep -rs '' /proc/sys/net/ipv4/conf /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_local_reserved_ports; }

# unchanged_since WHAT BEFORE NOW
unchanged_since() { diff "$2" <("$3") >"$output" || fail "$1 has left something behind"; }
