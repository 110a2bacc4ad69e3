#!/bin/bash
# Runs inside a fresh Debian, as its only program: see machine.sh.
set -euo pipefail
cd /root/lrkproxy
# shellcheck source=checks.sh
. tests/install/checks.sh

fresh_machine() {
	sysctls >/root/sysctls.before
	installs
	says 'systemd does not run here'
	says 'Guessed from the routing table: internal_ip = 10.77.0.1, external_ip = 10.0.2.100'
	says 'The two endpoints hear each other through the kernel.'
	says 'modparam("lrkproxy", "lrkproxy_sock", "udp:127.0.0.1:8080")'
	! grep -qE '^(lrkproxy|error): ' "$output" || fail 'one of the commands that it runs fails'
	cp dist/lrkproxy "$built"
	is 'the configuration' '640 root:lrkproxy' "$(stat -c '%a %U:%G' $config)"
	is 'the program' '755 root:root' "$(stat -c '%a %U:%G' /usr/local/bin/lrkproxy)"
	is 'the program path in the unit' 1 "$(grep -c '^ExecStart=/usr/local/bin/lrkproxy run' /etc/systemd/system/lrkproxy.service)"
	is 'reserved ports' 20000-30004 "$(</proc/sys/net/ipv4/ip_local_reserved_ports)"
	is 'accept_local of the inside' 1 "$(</proc/sys/net/ipv4/conf/inside/accept_local)"
	is 'ip_forward' 1 "$(</proc/sys/net/ipv4/ip_forward)"
	bash tests/install/links.sh '' /usr/local >"$output" 2>&1 || fail 'documents with dead links'
	ok 'a fresh machine: built, installed, demonstrated'
}

removed_without_trace() {
	installs --uninstall
	find / -xdev \( -path /root -o -path /proc -o -path /sys -o -path '/var/lib/dpkg' \) -prune -o -iname '*lrkproxy*' -print >"$output"
	[[ ! -s $output ]] || fail 'uninstalling has left files behind'
	! grep -h lrkproxy /etc/passwd /etc/group || fail 'uninstalling has left the user behind'
	unchanged_since 'uninstalling (sysctls)' /root/sysctls.before sysctls
	ok 'removed: no file, no user, settings as before'
}

again() {
	snapshot >/root/before
	installs --binary "$built" --no-demo
	sums >/root/sums
	installs --binary "$built" --no-demo
	says "$config is kept as it is"
	unchanged_since 'a second run' /root/sums sums
	installs --uninstall
	unchanged_since 'uninstalling' /root/before snapshot
	installs --uninstall
	ok 'installed twice is installed once; uninstalled twice is uninstalled'
}

for_packaging() {
	DESTDIR=/root/tree PREFIX=/usr ./install.sh --binary "$built" >"$output" 2>&1 || fail 'DESTDIR'
	cmp "$built" /root/tree/usr/bin/lrkproxy || fail 'DESTDIR: the program is not there'
	is 'DESTDIR: the unit' 1 "$(grep -c '^ExecStart=/usr/bin/lrkproxy run' /root/tree/usr/lib/systemd/system/lrkproxy.service)"
	unchanged_since 'DESTDIR' /root/before snapshot
	rm -r /root/tree
	ok 'DESTDIR puts files there and does nothing else'
}

# As in most containers.
read_only_settings() {
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	installs --binary "$built" --no-demo
	says 'Cannot be set here, only at the next boot of a machine: net/ipv4/ip_forward'
	grep -q '^net/ipv4/ip_forward = 1' /etc/sysctl.d/60-lrkproxy.conf || fail 'the settings are not written down'
	installs --uninstall
	umount /proc/sys
	unchanged_since 'uninstalling' /root/before snapshot
	unchanged_since 'uninstalling (sysctls)' /root/sysctls.before sysctls
	ok 'where settings cannot be made, it says so and goes on'
}

edited() {
	installs --binary "$built" --no-demo
	sed -i -e '0,/^;start_port/s/^;start_port = .*/start_port = 25000/' -e 's/^internal_ip = .*/internal_ip = 10.0.2.100/' $config
	cp $config /root/edited
	installs --binary "$built" --no-demo
	cmp $config /root/edited || fail 'an edited configuration was changed'
	is 'reserved ports' 25000-30004 "$(</proc/sys/net/ipv4/ip_local_reserved_ports)"
	installs --uninstall
	says "$config stays"
	is 'what stays' "$(printf '/etc/lrkproxy\n%s' $config)" "$(find / -xdev -path /root -prune -o -path /proc -prune -o -path '*lrkproxy*' -print)"
	cmp $config /root/edited || fail 'uninstalling changed an edited configuration'
	installs --purge
	unchanged_since 'purging' /root/before snapshot
	unchanged_since 'purging (sysctls)' /root/sysctls.before sysctls
	ok 'an edited configuration is kept; --purge removes it'
}

legacy() {
	local old=/etc/pylrkproxy/pylrkproxy.ini
	mkdir /etc/pylrkproxy
	printf '[kernel]\nstart_port : 21000\nend_port : 22000\ncurrent_port : 21000\ninternal_ip : 10.77.0.1\nexternal_ip : 10.0.2.100\n' >$old
	cp $old /root/old
	installs --binary "$built" --no-demo
	says "Importing $old"
	sed 1d $config | cmp - $old || fail 'the old configuration was not imported word for word'
	lrkproxy check-config | grep -q 'ports 21000-22000' || fail 'the imported configuration is not used'
	is 'reserved ports' 21000-22004 "$(</proc/sys/net/ipv4/ip_local_reserved_ports)"
	installs --uninstall
	cmp $old /root/old || fail 'the old configuration was changed'
	rm -r /etc/pylrkproxy
	unchanged_since 'uninstalling' /root/before snapshot
	ok 'an old configuration is imported'
}

# still_works WHAT: the same files as ever, and the program answers.
still_works() {
	cp "$output" /root/refusal
	diff /root/sums <(sums) >"$output" || fail "$1: something was changed"
	lrkproxy version >"$output" || fail "$1: the old version does not work"
	find / -xdev -name '.*lrkproxy*.old' -o -xdev -name '.*lrkproxy*.new' >"$output"
	[[ ! -s $output ]] || fail "$1: files lie about"
	cp /root/refusal "$output"
}

failures() {
	installs --binary "$built" --no-demo
	sums >/root/sums

	printf '#!/bin/sh\nexit 1\n' >/root/broken
	refuses --upgrade --binary /root/broken
	says 'does not run here; nothing was changed'
	still_works 'a program that does not run'

	printf '%s\n' '#!/bin/sh' "[ \"\$1\" != check-config ] || exit 1" "exec $built \"\$@\"" >/root/picky
	refuses --upgrade --binary /root/picky
	says 'is not valid for the new version'
	still_works 'a program that refuses the configuration'

	cp main.ts /root/main.ts
	echo 'this is no program' >>main.ts
	refuses --upgrade
	says 'the build failed'
	still_works 'a failing build'
	cp /root/main.ts main.ts

	# The last of the files cannot take its place.
	mv /usr/local/share/man/man8/lrkproxy.8 /root/lrkproxy.8
	mkdir -p /usr/local/share/man/man8/lrkproxy.8
	printf '%s\n' '#!/bin/sh' "exec $built \"\$@\"" >/root/other
	refuses --upgrade --binary /root/other
	says 'The old version is back'
	rmdir /usr/local/share/man/man8/lrkproxy.8
	mv /root/lrkproxy.8 /usr/local/share/man/man8/lrkproxy.8
	still_works 'a disk that refuses a file'

	installs --upgrade --binary /root/other
	cmp /root/other /usr/local/bin/lrkproxy || fail 'the new version was not put into place'
	ok 'an upgrade works, or the old version goes on working'
}

calls_end() {
	lrkproxy run >/root/daemon.log 2>&1 &
	local daemon=$! deadline=$((SECONDS + 20))
	# It answers before it has made its table.
	until nft list table ip lrkproxy >/dev/null 2>&1 && lrkproxy status >/dev/null 2>&1; do
		((SECONDS < deadline)) || { cp /root/daemon.log "$output" && fail 'the daemon does not come up'; }
	done
	installs --uninstall
	wait $daemon || { cp /root/daemon.log "$output" && fail 'the daemon was not stopped in order'; }
	! nft list table ip lrkproxy >/dev/null 2>&1 || fail 'the table was left'
	unchanged_since 'uninstalling' /root/before snapshot
	ok 'uninstalling stops a running daemon and removes the table'
}

package() {
	local apt=(apt-get install -y --no-install-recommends)
	export DEBIAN_FRONTEND=noninteractive
	# What it depends on, so that only the package itself makes a difference.
	"${apt[@]}" procps >"$output" 2>&1 || fail 'procps'
	snapshot >/root/before
	"${apt[@]}" /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not install'
	says 'Guessed from the routing table: internal_ip = 10.77.0.1'
	hash -r
	lrkproxy demo --seconds 2 >"$output" 2>&1 || fail 'the demonstration of the package fails'
	bash tests/install/links.sh '' /usr >"$output" 2>&1 || fail 'documents of the package with dead links'
	is 'the configuration' '640 root:lrkproxy' "$(stat -c '%a %U:%G' $config)"
	is 'reserved ports' 20000-30004 "$(</proc/sys/net/ipv4/ip_local_reserved_ports)"
	sed -i '0,/^;start_port/s/^;start_port = .*/start_port = 25000/' $config
	echo '# edited' >>$config
	dpkg-reconfigure lrkproxy >"$output" 2>&1 || fail 'the package cannot be configured anew'
	is 'reserved ports' 25000-30004 "$(</proc/sys/net/ipv4/ip_local_reserved_ports)"
	"${apt[@]}" --reinstall /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not reinstall'
	is 'the last line of the configuration' '# edited' "$(tail -n 1 $config)"
	refuses --binary "$built"
	says 'apt-get'
	apt-get remove -y lrkproxy >"$output" 2>&1 || fail 'the package cannot be removed'
	is 'the last line of the configuration' '# edited' "$(tail -n 1 $config)"
	unchanged_since 'removing the package (sysctls)' /root/sysctls.before sysctls
	apt-get purge -y lrkproxy >"$output" 2>&1 || fail 'the package cannot be purged'
	unchanged_since 'purging the package' /root/before snapshot
	ok 'the package: installed, reinstalled, removed, purged'
}

fresh_machine
removed_without_trace
again
for_packaging
read_only_settings
edited
legacy
failures
calls_end
package
