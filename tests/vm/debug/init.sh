#!/bin/sh
# PID 1 of the machine that looks for mistakes. The kernel's command line says what to do: lrk_run=relay|fuzz|stress|plant and,
# for these, lrk_argument. Ends with ALL PASSED, or FAIL and the kernel's complaints.
export PATH=/bin:/sbin
run=${lrk_run:-}
argument=${lrk_argument:-}
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
echo 1 >/proc/sys/net/ipv4/ip_forward
/sbin/ip link set lo up
status=0

fail() {
	echo "FAIL: $*"
	status=1
}

complaints() { dmesg | grep -E -f /complaints.txt; }

# What is wrong before the module is there would be taken for its fault, or have lockdep give up.
look_at_the_start() {
	complaints | grep -v 'KernelAddressSanitizer initialized' >/tmp/start
	if grep -q . /tmp/start; then
		cat /tmp/start
		dmesg
		fail "the kernel complains before the module is there"
	fi
	dmesg -c >/dev/null
}

make_namespaces() {
	net=0
	for name in A B; do
		net=$((net + 1))
		/sbin/ip netns add $name && /sbin/ip link add v$name type veth peer name p$name netns $name || return 1
		/sbin/ip addr add 10.$net.0.1/24 dev v$name && /sbin/ip link set v$name up || return 1
		/sbin/ip -n $name addr add 10.$net.0.2/24 dev p$name && /sbin/ip -n $name link set p$name up || return 1
		/sbin/ip -n $name route add default via 10.$net.0.1 || return 1
	done
	/sbin/ip netns add N
}

# The module's own unit tests, if the build has made any.
run_kunit() {
	[ -e /mod/lrkproxy_kunit.ko ] || return 0
	if ! insmod /mod/kunit.ko || ! insmod /mod/lrkproxy_kunit.ko; then
		fail "the unit tests do not load"
	fi
	# KTAP: the lines of whole suites are not indented, and end the result.
	dmesg | sed 's/^\[[^]]*\] //' >/tmp/ktap
	grep -E '^ +(not )?ok ' /tmp/ktap | sed 's/^ */info kunit: /'
	grep -qE '^ok [0-9]+ ' /tmp/ktap || fail "no suite of unit tests has passed"
	if grep -E '^ *not ok ' /tmp/ktap; then
		cat /tmp/ktap
		fail "a unit test"
	fi
	rmmod lrkproxy_kunit
}

run_program() {
	if ! make_namespaces; then
		fail "no namespaces"
		return
	fi
	"$@" || fail "$1"
	rmmod lrkproxy || fail "the module is still held"
	# It loads and goes again after all that.
	if ! insmod /mod/lrkproxy.ko $LRK_OPTIONS || ! rmmod lrkproxy; then
		fail "the module does not load again"
	fi
}

# Memory that a module has not given back is told when it goes.
run_plant() {
	insmod /mod/plant.ko "what=$1" || fail "the mistake is not made"
	rmmod plant || fail "the mistake stays"
}

for module in llc stp bridge br_netfilter veth vrf; do
	insmod /mod/$module.ko || fail $module
done
# As in ../init.sh.
/sbin/ip link add bridge type bridge || fail "no bridge"
look_at_the_start
# Packets are looked up ahead wherever there are flows.
export LRK_OPTIONS=ahead_flows=1
[ "$run" = plant ] || insmod /mod/lrkproxy.ko $LRK_OPTIONS || fail "the module does not load"
if [ $status = 0 ]; then
	case $run in
	relay)
		relay || fail relay
		run_kunit
		;;
	# Few enough for memory to be full at times.
	fuzz) echo 30000 >/sys/module/lrkproxy/parameters/max_flows && run_program fuzz "$argument" ;;
	stress) run_program stress "$argument" ;;
	plant) run_plant "$argument" ;;
	*) fail "lrk_run=$run?" ;;
	esac
fi
# A taint by an unsigned module from outside is expected; a complaint is not.
if complaints; then
	dmesg
	fail "the kernel complains"
fi
[ $status = 0 ] && echo "ALL PASSED"
echo "END OF RUN"
relay exit $status
