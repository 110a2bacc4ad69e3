#!/bin/bash
# tools/install/guess.sh, text for text.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=../../tools/install/guess.sh
. tools/install/guess.sh
failures=0

is() { # NAME EXPECTED ACTUAL
	[[ $2 == "$3" ]] || { printf 'FAIL: %s\n  expected: %s\n  is:       %s\n' "$@" && failures=$((failures + 1)); }
}

address() { printf '%s: %s    inet %s scope global %s\\ valid_lft forever\n' 2 "$1" "$2" "$1"; }

one=$(address eth0 192.0.2.2/24)
two=$(address eth0 192.0.2.2/24 && address eth1 10.10.1.1/16)
three=$(echo "$two" && address eth2 10.20.0.1/16)
bridges=$(echo "$two" && address docker0 172.17.0.1/16 && address br-0a1b2c 172.18.0.1/16 && address virbr0 192.168.122.1/24)
secondary=$(address eth0 192.0.2.2/24 && address eth0 192.0.2.3/24)
route='default via 192.0.2.1 dev eth0 proto dhcp metric 100'

is 'one address is both sides' '192.0.2.2 192.0.2.2' "$(guess_addresses "$one" "$route")"
is 'one address without a route' '192.0.2.2 192.0.2.2' "$(guess_addresses "$one" '')"
is 'the other address is the inside' '10.10.1.1 192.0.2.2' "$(guess_addresses "$two" "$route")"
is 'of two others none is guessed' '192.0.2.2 192.0.2.2' "$(guess_addresses "$three" "$route")"
is 'bridges carry no phones' '10.10.1.1 192.0.2.2' "$(guess_addresses "$bridges" "$route")"
is 'a second address of the outside' '192.0.2.3 192.0.2.2' "$(guess_addresses "$secondary" "$route")"
is 'the route says the source' '192.0.2.2 192.0.2.3' \
	"$(guess_addresses "$secondary" "default via 192.0.2.1 dev eth0 src 192.0.2.3")"
is 'two default routes: the first' '10.10.1.1 192.0.2.2' \
	"$(guess_addresses "$two" "$route"$'\ndefault via 10.10.0.1 dev eth1 metric 200')"
is 'no route, two addresses: no telling' '' "$(guess_addresses "$two" '')"
is 'no address' '' "$(guess_addresses '' "$route")"

is 'ports: added' '22,20000-30004' "$(port_set 22 '' 20000-30004)"
is 'ports: into nothing' '20000-30004' "$(port_set '' '' 20000-30004)"
is 'ports: joined' '19000-30010' "$(port_set 19000-20000,30005-30010 '' 20001-30004)"
is 'ports: moved' '22,40000-40004' "$(port_set 22,20000-30004 20000-30004 22,40000-40004)"
is 'ports: taken away' '22,20500' "$(port_set 22,20000-30004 20000-30004 22,20500)"
is 'ports: all gone' '' "$(port_set 20000-30004 20000-30004 '')"
is 'ports: the ends' '0-65535' "$(port_set 0-65534 '' 65535)"

checked=$(<tests/golden/check-config.txt)
is 'ports of the configuration' '20000-30003,30004-31003' "$(relay_ports "$checked")"
is 'the last ports' '65000-65535' "$(relay_ports '  ports 65000-65534, Kamailio begins at 65000')"
is 'local addresses' $'10.10.1.1\n10.10.2.1\n192.0.2.1' "$(local_addresses "$checked")"
is 'control sockets' 'udp:127.0.0.1:8080 udp6:[::1]:8082' "$(kamailio_sockets "$checked")"
is 'a control socket in the file system' 'unix:/run/lrkproxy/control.sock' \
	"$(kamailio_sockets 'instance default: control on unix:/run/lrkproxy/control.sock')"
is 'media interfaces' $'eth0\nvlan.7' \
	"$(interfaces_of "$checked" "$(address eth0 192.0.2.1/24 && address vlan.7 10.10.1.1/16 && address eth9 10.1.1.1/8)")"
is 'lines of the file' $'net/ipv4/ip_forward = 1\n-net/ipv4/conf/vlan.7/accept_local = 1' \
	"$(sysctl_lines $'net/ipv4/ip_forward 1\nnet/ipv4/conf/vlan.7/accept_local 1')"

((failures == 0)) && echo 'ok guesses, port lists and settings'
