#!/bin/bash
# Makes the folder that guest.sh runs from: modules, programs and rules.
#
#   kit.sh KERNEL|uml FOLDER SESSIONS…
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/vm/apt.sh"

(($# >= 3)) || fail "usage: kit.sh KERNEL|uml FOLDER SESSIONS…"
kernel=$1
kit=$2
shift 2
mkdir -p "$kit"

# c_program NAME [OPTION…]
c_program() { gcc -static -O2 -Wall -Wextra -Werror "${@:2}" -o "$kit/$1" "$KMOD_BENCH/$1.c"; }

# Rules are recorded once, in the folder beside the kits.
rules() {
	local sessions=$1 folder
	folder=$(dirname "$kit")/rules/$sessions
	if [[ ! -d $folder ]]; then
		mkdir -p "$folder"
		unshare --net "$TOP/tools/deno.sh" run --allow-all --quiet "$KMOD_BENCH/record_nft.ts" "$sessions" "$folder"
	fi
	cp -r "$folder" "$kit/"
}

# What guest.sh's rules and devices need, with what these need, in the order of loading. x_tables is for rtpengine's module.
stock_modules() {
	local release name file
	release=$(release_of "$kernel")
	mkdir -p "$kit/modules"
	[[ -e $ROOT/lib/modules/$release/modules.dep ]] || chroot "$ROOT" /usr/sbin/depmod "$release"
	for name in dummy nf_tables nft_chain_nat nft_ct nft_nat iptable_filter x_tables; do
		chroot "$ROOT" /usr/sbin/modprobe -S "$release" --show-depends "$name" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=$(basename "$file" .xz)
		if [[ $file == *.xz ]]; then xz -dc "$ROOT$file"; else cat "$ROOT$file"; fi >"$kit/modules/$name"
		echo "$name"
	done >"$kit/modules/order"
}

# rtpengine's kernel module, of Debian's newest package, or of Debian 12's for 6.1, for which the newest does not build.
# The older is hooked by a plugin of iptables, which has a package of its own; the newer is an expression of nftables.
rtpengine() {
	local scratch=$kit/rtpengine suite=sid packages=(rtpengine-kernel-dkms) module=nft_rtpengine source
	[[ $kernel != 6.1 ]] || { suite=bookworm packages+=(rtpengine-iptables) module=xt_RTPENGINE; }
	APT_WORK=$(dirname "$kit")/apt
	mkdir "$scratch"
	[[ -d $APT_WORK/$suite ]] || prepare_suite "$suite"
	(cd "$scratch" && apt_of "$suite" apt-get download "${packages[@]}")
	for package in "$scratch"/*.deb; do dpkg-deb -x "$package" "$scratch"; done
	source=$(echo "$scratch"/usr/src/rtpengine-*)
	"$KMOD_BENCH/module.sh" "$kernel" "$source" "$kit/$module.ko"
	c_program rtpengine_load -I "$source"
	if [[ $module == nft_rtpengine ]]; then
		"$TOP/tools/deno.sh" run --quiet --allow-write "$KMOD_BENCH/rtpengine_rule.ts" "$kit/rtpengine_rule"
	else
		cp "$scratch"/usr/lib/*/xtables/libxt_RTPENGINE.so "$kit/"
	fi
	basename "$source" | grep -oE '^rtpengine-[0-9]+\.[0-9]+' >"$kit/rtpengine_version"
	rm -r "$scratch"
}

# What control.ts imports, for a machine that reaches no registry.
daemon_code() { DENO_DIR=$kit/deno "$TOP/tools/deno.sh" cache --quiet --no-check "$KMOD_BENCH/control.ts"; }

"$KMOD_BENCH/module.sh" "$kernel" "$KMOD_BENCH/inject" "$kit/inject.ko"
"$KMOD_BENCH/module.sh" "$kernel" "$TOP/kmod" "$kit/lrkproxy.ko"
[[ $kernel == uml ]] || stock_modules
rtpengine
c_program flows
c_program replay
cp "$ROOT/usr/bin/busybox" "$KMOD_BENCH"/{guest,guest_init,control_guest}.sh "$kit/"
mkdir "$kit/bin"
for command in insmod rmmod; do ln -s ../busybox "$kit/bin/$command"; done
[[ $kernel != uml ]] || daemon_code
for sessions in "$@"; do rules "$sessions"; done
