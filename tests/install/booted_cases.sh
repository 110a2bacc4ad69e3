#!/bin/bash
# Runs inside a Debian that systemd has booted: see booted.sh. There is no way out to a registry.
set -euo pipefail
cd /root/lrkproxy
# shellcheck source=checks.sh
. tests/install/checks.sh

active() { is "$1: the service" active "$(systemctl is-active lrkproxy || true)"; }
pid() { systemctl show lrkproxy --value --property MainPID; }
has_call() { lrkproxy sessions 2>/dev/null | grep -q demo-call; }

# A call, as Kamailio asks for it.
open_call() {
	local answer
	exec 3<>/dev/udp/127.0.0.1/8080
	printf '1 S 10.77.0.9 10.77.0.1 10.77.0.1 10.77.0.8 6000 20000 20002 7000 60 demo-call ' >&3
	read -r -t 5 -N 4 answer <&3 || fail 'the daemon does not answer'
	exec 3>&-
	has_call || fail "there is no call after \"$answer\""
}

# What the machine's builder has put there.
clean_machine() {
	systemctl disable --now lrkproxy 2>/dev/null || true
	rm -rf /var/cache/lrkproxy /root/.cache/lrkproxy /usr/local/lib/lrkproxy /usr/local/bin/lrkproxy /etc/lrkproxy /etc/systemd/system/lrkproxy.service \
		/usr/lib/sysusers.d/lrkproxy.conf /usr/sbin/policy-rc.d
	userdel lrkproxy
	systemctl daemon-reload
	snapshot >/root/before
	sysctls >/root/sysctls.before
}

installed() {
	installs --binary /opt/built --no-start --no-demo
	is 'the service after --no-start' inactive "$(systemctl is-active lrkproxy || true)"
	installs --binary /opt/built
	active 'after install.sh'
	is 'the service at boot' enabled "$(systemctl is-enabled lrkproxy)"
	is 'its user' lrkproxy "$(stat -c %U "/proc/$(pid)")"
	says 'The two endpoints hear each other through the kernel.'
	ok 'install.sh: a running service'
}

upgraded() {
	local before
	open_call
	before=$(pid)
	printf '%s\n' '#!/bin/sh' '# another version' 'exec /opt/built "$@"' >/opt/next
	installs --upgrade --binary /opt/next
	active 'after an upgrade'
	[[ $(pid) != "$before" ]] || fail 'the old version goes on running'
	has_call || fail 'the upgrade has lost the call'
	cmp /opt/next /usr/local/bin/lrkproxy || fail 'the new version is not in place'
	ok 'an upgrade: the new version runs, the call goes on'
}

went_back() {
	printf '%s\n' '#!/bin/sh' "[ \"\$1\" != run ] || { echo 'cannot run' >&2; exit 1; }" "exec /opt/built \"\$@\"" >/opt/broken
	refuses --upgrade --binary /opt/broken
	says 'cannot run'
	says 'The old version is back'
	cmp /opt/next /usr/local/bin/lrkproxy || fail 'the old version is not in place'
	active 'after a failed upgrade'
	has_call || fail 'the failed upgrade has lost the call'
	ok 'an upgrade to a version that does not start: the old one runs again, the call goes on'
}

removed() {
	local old
	old=$(pid)
	installs --uninstall
	[[ ! -e /proc/$old ]] || fail 'the daemon still runs'
	! nft list table ip lrkproxy >/dev/null 2>&1 || fail 'the table was left'
	unchanged_since 'uninstalling' /root/before snapshot
	unchanged_since 'uninstalling (sysctls)' /root/sysctls.before sysctls
	ok 'uninstalled: service, call, table, settings and files'
}

packaged() {
	local before
	dpkg --install /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not install'
	hash -r
	active 'after dpkg --install'
	is 'the service at boot' enabled "$(systemctl is-enabled lrkproxy)"
	open_call
	before=$(pid)
	dpkg --install /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not upgrade'
	active 'after an upgrade'
	[[ $(pid) != "$before" ]] || fail 'the old version goes on running'
	has_call || fail 'the upgrade has lost the call'
	dpkg --remove lrkproxy >"$output" 2>&1 || fail 'the package cannot be removed'
	! nft list table ip lrkproxy >/dev/null 2>&1 || fail 'the table was left'
	dpkg --purge lrkproxy >"$output" 2>&1 || fail 'the package cannot be purged'
	unchanged_since 'purging the package' /root/before snapshot
	unchanged_since 'purging the package (sysctls)' /root/sysctls.before sysctls
	ok 'the package: runs, is upgraded with its call, removed, purged'
}

clean_machine
installed
upgraded
went_back
removed
packaged
