#!/bin/bash
# install.sh and the .deb on fresh Debian roots, without systemd and booted by it:
# run.sh [bookworm|trixie]…, both by default.
# LRK_CACHE: where the roots are kept. LRK_DEBIAN_MIRROR: where they come from.
. "$(dirname "$0")/../acceptance/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
scratch=''
pids=()

suites=("$@")
((${#suites[@]})) || suites=(bookworm trixie)
# shellcheck source=../../tools/packages.sh
. "$TOP/tools/packages.sh"
need_root
install_packages "${build_packages[@]}"
need_commands debootstrap=debootstrap slirp4netns=slirp4netns lintian=lintian

finish() {
	local status=$?
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
	wait
	rm -rf --one-file-system "$scratch"
	exit "$status"
}
trap finish EXIT
scratch=$(mktemp -d /var/tmp/lrkproxy-install.XXXXXX)

# ensure_root NAME SUITE OPTION…: what debootstrap gives with these options and nothing else.
ensure_root() {
	local root=$CACHE/$1 log=$CACHE/debootstrap-$1.log
	[[ ! -d $root ]] || return 0
	say "building $root (kept for later runs)"
	rm -rf --one-file-system "$root.building"
	use_apt_proxy
	debootstrap --variant=minbase "${@:3}" "$2" "$root.building" "$(debian_mirror)" >"$log" 2>&1 ||
		fail "debootstrap $2: see $log"
	mv -T "$root.building" "$root"
}

# A fresh machine, and one with what a module is built with.
ensure_roots() {
	ensure_root "base-$1" "$1"
	ensure_root "modules-$1" "$1" --include=dkms,gcc,make,kmod,xz-utils,linux-headers-cloud-amd64,nftables,iproute2,procps
}

# run_machine ROOT CASES: a machine of its own: file system, processes and network, with a way out
# through this one's sockets.
run_machine() {
	local root=$1 cases=$2 folder=$scratch/$1 world init network
	mkdir -p "$folder"/{upper,work,root}
	unshare --mount --net --pid --fork --kill-child --mount-proc bash "$here/machine.sh" "$root" "$folder" "$cases" &
	world=$!
	wait_for 60 "the machine's network" is_network_ready "$folder"
	init=$(pgrep -P "$world")
	slirp4netns --configure --mtu=65520 --disable-host-loopback "$init" tap0 >"$folder/network.log" 2>&1 &
	network=$!
	local status=0
	wait "$world" || status=$?
	kill "$network" 2>/dev/null || true
	return "$status"
}

is_network_ready() { [[ -e $1/network ]]; }

bash "$here/texts.sh"
mkdir -p "$CACHE"
exec 9>"$CACHE/.lock"
flock 9
for suite in "${suites[@]}"; do ensure_roots "$suite"; done
exec 9>&-
bash "$ACCEPTANCE/roots.sh" "${suites[@]/#/systemd-}"

"$TOP/tools/build.sh"
bash "$here/documents.sh"
say 'the package'
rm -f "$TOP"/dist/lrkproxy_*.deb
bash "$TOP/tools/deb/build.sh" >/dev/null
cp "$TOP"/dist/lrkproxy_*.deb "$scratch/first.deb"
bash "$TOP/tools/deb/build.sh" >/dev/null
cmp "$scratch/first.deb" "$TOP"/dist/lrkproxy_*.deb || fail 'the package differs from build to build'
lintian --fail-on error --allow-root "$TOP"/dist/lrkproxy_*.deb || fail 'lintian has found errors'

logs=()
# in_background LOG COMMAND…
in_background() {
	"${@:2}" >"$scratch/$1.log" 2>&1 &
	pids+=($!)
	logs+=("$1")
}
for suite in "${suites[@]}"; do
	in_background "$suite" run_machine "base-$suite" cases.sh
	in_background "$suite, module" run_machine "modules-$suite" module_cases.sh
	in_background "$suite, systemd" bash "$here/booted.sh" "$suite"
done
failed=0
for index in "${!pids[@]}"; do
	log=$scratch/${logs[$index]}.log
	wait "${pids[$index]}" || { failed=1 && grep -v '^ok ' "$log"; }
	grep '^ok ' "$log" | sed "s/^/${logs[$index]}: /"
done
pids=()
((failed == 0)) || fail 'see above'
