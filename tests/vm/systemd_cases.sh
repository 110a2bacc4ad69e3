#!/bin/bash
# Runs in a machine that systemd has booted: see systemd.sh. Who may open /dev/lrkproxy, and when.
set -euo pipefail

fail() {
	printf 'FAIL: %s\n' "$*"
	journalctl --no-pager --lines 60
	exit 1
}
ok() { printf 'ok %s (%d s)\n' "$*" "$SECONDS"; }
is() { [[ $2 == "$3" ]] || fail "$1: \"$3\" instead of \"$2\""; }

# until_true WHAT COMMAND…
until_true() {
	local deadline=$((SECONDS + 60)) what=$1
	shift
	until "$@" 2>/dev/null; do
		((SECONDS < deadline)) || fail "$what: not within a minute"
		sleep 0.2
	done
}
owner() { stat -c '%U %a' /dev/lrkproxy; }
belongs_to_service() { [[ $(owner) == 'lrkproxy 600' ]]; }
load() {
	modprobe lrkproxy
	until_true "the device is the user's" belongs_to_service
}

# In place of the daemon, with the unit's own sandbox: says what it gets when it opens the device, each time it is asked.
opener() {
	mkdir -p /run/systemd/system/lrkproxy.service.d
	cat >/run/systemd/system/lrkproxy.service.d/opener.conf <<'UNIT'
[Service]
Type=exec
WatchdogSec=0
ExecStart=
ExecStart=/bin/bash -c 'while read -r path; do if [[ ! -e $path ]]; then echo missing; elif { exec 3<>"$path"; } 2>/run/lrkproxy/why; then echo opened; exec 3>&-; else sed "s/.*: //" /run/lrkproxy/why; fi >/run/lrkproxy/answer.new; mv /run/lrkproxy/answer.new /run/lrkproxy/answer; done < <(while :; do cat /run/lrkproxy/ask; done)'
ExecStartPre=/usr/bin/mkfifo /run/lrkproxy/ask
UNIT
	# The module comes later.
	systemctl --quiet mask --runtime modprobe@lrkproxy.service
	systemctl daemon-reload
	systemctl start lrkproxy
}

# opens PATH: what the service gets.
opens() {
	rm -f /run/lrkproxy/answer
	echo "$1" >/run/lrkproxy/ask
	until_true 'the service answers' test -e /run/lrkproxy/answer
	cat /run/lrkproxy/answer
}

before_and_after() {
	! lsmod | grep -q lrkproxy || fail 'the module is loaded already'
	opener
	is 'without the module' missing "$(opens /dev/lrkproxy)"
	load
	is 'a module that was loaded later' opened "$(opens /dev/lrkproxy)"
	rmmod lrkproxy
	is 'the module gone' missing "$(opens /dev/lrkproxy)"
	load
	is 'the module back' opened "$(opens /dev/lrkproxy)"
	ok 'the service opens the device of a module that is loaded, removed and loaded again while it runs'
}

nobody_else() {
	is 'its owner and mode' 'lrkproxy 600' "$(owner)"
	! setpriv --reuid=nobody --regid=nogroup --clear-groups dd if=/dev/lrkproxy count=0 2>/dev/null ||
		fail 'anybody may open it'
	! setpriv --reuid=lrkproxy --regid=lrkproxy --clear-groups dd if=/dev/lrkproxy count=0 2>/dev/null ||
		fail 'its user may open it without CAP_NET_ADMIN'
	dd if=/dev/lrkproxy count=0 2>/dev/null || fail 'root may not open it'
	# Another file of the machine's disk, which only the device policy keeps the service from.
	mknod -m 666 /dev/disk-for-all b "0x$(stat -c %t /dev/vda)" "0x$(stat -c %T /dev/vda)"
	is 'another device of the machine' 'Operation not permitted' "$(opens /dev/disk-for-all)"
	rm /dev/disk-for-all
	ok 'nobody else opens it, and the service opens nothing else'
}

daemon() {
	systemctl stop lrkproxy
	rm -r /run/systemd/system/lrkproxy.service.d
	systemctl --quiet unmask --runtime modprobe@lrkproxy.service
	systemctl daemon-reload
	rmmod lrkproxy
	systemctl start lrkproxy || fail 'the service does not start'
	[[ -e /dev/lrkproxy ]] || fail 'the start of the service has not loaded the module'
	lrkproxy status | grep '^media:' | sed 's/^/info /'
	lrkproxy status | grep -q '^media: .* 0 sessions in the kernel module (0 of 400000 flows)' ||
		fail 'the daemon does not use the module'
	ok 'the service starts, has the module loaded, and can use it'
}

ip link set lo up
ip link add inside type veth peer name phones
ip address add 10.77.0.1/24 dev inside
ip link set inside up
ip link set phones up
before_and_after
nobody_else
daemon
! dmesg | grep -E -f /usr/local/share/complaints.txt || fail 'the kernel complains'
echo 'ALL PASSED'
