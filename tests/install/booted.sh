#!/bin/bash
# booted.sh SUITE: boots a Debian with systemd and runs booted_cases.sh in it.
. "$(dirname "$0")/../acceptance/lib.sh"
suite=$1 network=lrk-install-$1
scratch=$(mktemp -d)
boot=''

finish() {
	local status=$?
	[[ -z $boot ]] || { kill "$boot" && wait "$boot"; } 2>/dev/null || true
	ip netns delete "$network" || true
	rm -rf "$scratch"
	exit "$status"
}
trap finish EXIT

add_namespace "$network"
ip -n "$network" link add inside type veth peer name phones
ip -n "$network" address add 10.77.0.1/24 dev inside
ip -n "$network" link set inside up
ip -n "$network" link set phones up

bash "$TOP/tests/systemd/boot.sh" "$suite" "$network" "$TOP/tests/golden/lrkproxy.ini" >"$scratch/pid" 2>"$scratch/log" &
boot=$!
has_pid() { [[ -s $scratch/pid ]]; }
wait_for 60 'the machine' has_pid
machine=$(<"$scratch/pid")
inside() { nsenter --target "$machine" --all -- "$@"; }
is_up() { [[ $(inside systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]; }
wait_for 60 'systemd' is_up

inside mkdir -p /root/lrkproxy/dist
(cd "$TOP" && git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read) | inside tar -x -C /root/lrkproxy
inside sh -c 'cat >/opt/built; chmod 755 /opt/built' <"$TOP/dist/lrkproxy"
cat "$TOP"/dist/lrkproxy_*.deb | inside sh -c 'cat >/root/lrkproxy.deb'
inside env HOME=/root bash /root/lrkproxy/tests/install/booted_cases.sh
