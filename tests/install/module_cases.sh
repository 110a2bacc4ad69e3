#!/bin/bash
# Runs inside a Debian with DKMS, a compiler and a kernel's headers, as its only program: see machine.sh. The
# kernel that runs is another, whose headers are not here.
set -euo pipefail
cd /root/lrkproxy
# shellcheck source=checks.sh
. tests/install/checks.sh

release=$(basename "$(dirname /lib/modules/*/build)")
version=$(sed -n 's/^export const VERSION = "\(.*\)";/\1/p' src/base/version.ts)
places=/lib/modules/$release/updates

install_module() { installs --binary "$built" --no-demo --no-start "$@"; }
# Where the module is, and which sources it was made from.
module() { modinfo -k "$release" -n lrkproxy | sed 's/\.xz$//'; }
says_of_itself() { modinfo -k "$release" -F "$1" lrkproxy; }
state() { stat -c '%i %Y' "$(modinfo -k "$release" -n lrkproxy)"; }
dkms_state() { dkms status lrkproxy | sed 's/ *(.*//'; }
change_source() { printf '%s\n' "$1" >>kmod/main.c; }

prepare() {
	# Which kernel runs is the machine's business: it may be the one whose headers are here.
	# shellcheck disable=SC2016 # for the shell that runs it
	printf '%s\n' '#!/bin/sh' '[ "$*" != -r ] || exec echo 6.1.0-other' 'exec /usr/bin/uname "$@"' >/usr/local/sbin/uname
	chmod 755 /usr/local/sbin/uname
	# As a kernel's own package leaves it; and the package of lrkproxy builds for kernels that do not run here.
	depmod "$release" 2>"$output"
	mkdir -p /etc/dkms/framework.conf.d
	echo 'autoinstall_all_kernels="yes"' >/etc/dkms/framework.conf.d/tests.conf
	cp kmod/main.c /root/main.c
	snapshot >/root/before
}

by_dkms() {
	local before
	install_module --kernel "$release"
	is 'the module' "$places/dkms/lrkproxy.ko" "$(module)"
	says "The kernel module for Linux $release: $places/dkms/lrkproxy.ko"
	is 'the kernel it is for' "$release" "$(says_of_itself vermagic | cut -d ' ' -f 1)"
	is 'DKMS' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	before=$(state)
	install_module --kernel "$release"
	says "The kernel module for Linux $release is kept as it is"
	is 'the module after a second run' "$before" "$(state)"
	ok 'through DKMS: built once'
}

upgraded() {
	change_source 'MODULE_INFO(test, "first");'
	install_module --no-module --upgrade
	is 'the module with --no-module' '' "$(says_of_itself test)"
	install_module --upgrade
	says "No kernel module for Linux $(uname -r): its headers are not here: apt-get install linux-headers-$(uname -r), then run this again. nftables"
	is 'the new module' first "$(says_of_itself test)"
	is 'DKMS' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	ok 'an upgrade with other sources builds it anew'
}

not_built() {
	local before
	before=$(state)
	change_source '#error broken'
	install_module --upgrade
	says "No new kernel module for Linux $release: it cannot be built, see /var/lib/lrkproxy/module.log"
	grep -q '#error broken' /var/lib/lrkproxy/module.log || fail 'the log does not say why'
	is 'the module' "$before" "$(state)"
	is 'DKMS' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	cp /root/main.c kmod/main.c
	ok 'sources that cannot be built: the old module stays'
}

removed() {
	installs --uninstall
	is 'DKMS' '' "$(dkms_state)"
	unchanged_since 'uninstalling' /root/before snapshot
	ok 'uninstalled without a trace'
}

by_make() {
	mv /usr/sbin/dkms /root/dkms
	install_module --kernel "$release"
	is 'the module' "$places/lrkproxy.ko" "$(module)"
	[[ ! -e /usr/src/lrkproxy-$version ]] || fail 'sources lie about that nobody needs'
	change_source 'MODULE_INFO(test, "second");'
	install_module --upgrade
	is 'the new module' second "$(says_of_itself test)"
	mv /root/dkms /usr/sbin/dkms
	install_module --upgrade
	is 'the module' "$places/dkms/lrkproxy.ko" "$(module)"
	[[ ! -e $places/lrkproxy.ko && ! -e $places/lrkproxy.ko.xz ]] || fail 'there are two modules'
	cp /root/main.c kmod/main.c
	ok 'without DKMS, then with it'
}

# fake_kernel RELEASE: with the same headers.
fake_kernel() {
	mkdir "/lib/modules/$1"
	ln -s "$(readlink -f "/lib/modules/$release/build")" "/lib/modules/$1/build"
}

unsupported() {
	local status=0
	fake_kernel 5.10.0-old
	mkdir -p /lib/modules/6.9.0-lean/build
	touch /lib/modules/6.9.0-lean/build/Makefile
	grep -v CONFIG_NET_NS= "/lib/modules/$release/build/.config" >/lib/modules/6.9.0-lean/build/.config
	install_module --kernel all
	says 'No kernel module for Linux 5.10.0-old: the module is for Linux 6.1 and newer'
	says 'No kernel module for Linux 6.9.0-lean: that kernel was built without CONFIG_NET_NS'
	is 'DKMS' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	dkms install -m lrkproxy -v "$version" -k 5.10.0-old >"$output" 2>&1 || status=$?
	is 'what DKMS ends with for an old kernel' 77 "$status"
	says 'BUILD_EXCLUSIVE'
	installs --uninstall
	mv /usr/bin/gcc /root/gcc
	install_module --kernel "$release"
	says "No kernel module for Linux $release: there is no compiler: apt-get install make gcc"
	mv /root/gcc /usr/bin/gcc
	rm -r /lib/modules/5.10.0-old /lib/modules/6.9.0-lean
	refuses --binary "$built" --kernel 1.2.3
	says '--kernel: there is no /lib/modules/1.2.3'
	ok 'kernels that it is not for, no compiler: installed without'
}

package() {
	dpkg --install /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not install'
	is 'the module' "$places/dkms/lrkproxy.ko" "$(module)"
	is 'DKMS' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	dpkg --install /root/lrkproxy.deb >"$output" 2>&1 || fail 'the package does not upgrade'
	is 'DKMS after an upgrade' "lrkproxy/$version, $release, x86_64: installed" "$(dkms_state)"
	dpkg --remove lrkproxy >"$output" 2>&1 || fail 'the package cannot be removed'
	is 'DKMS' '' "$(dkms_state)"
	dpkg --purge lrkproxy >"$output" 2>&1 || fail 'the package cannot be purged'
	unchanged_since 'purging the package' /root/before snapshot
	ok 'the package: built, upgraded, removed, purged'
}

prepare
by_dkms
upgraded
not_built
removed
by_make
removed
unsupported
removed
package
