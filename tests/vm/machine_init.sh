#!/bin/bash
# PID 1 of a machine of machine.sh: makes it ready, runs the command, looks for what the kernel complained of, tells the
# status on the console, and leaves. What the command says goes to the second serial port.
export PATH=/usr/sbin:/usr/bin HOME=/root TERM=dumb LANG=C.UTF-8 DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
export DENO_DIR=/lrkproxy/machine/deno
# Without KVM everything takes longer.
export LRK_TEST_PATIENCE=6
exec </dev/null >/dev/ttyS1 2>&1
stty -opost <&1

leave() {
	sync
	echo "machine status: $1" >/dev/ttyS0
	# With -no-reboot, QEMU ends.
	echo b >/proc/sysrq-trigger
	exec sleep infinity
}
trap 'leave 1' EXIT

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/{pts,shm} /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup /sys/fs/cgroup
hostname machine
ip link set lo up
# Lists of flows are longer than the 212,992 bytes that a netlink socket may hold.
sysctl -qw net.core.rmem_max=16777216 net.core.wmem_max=16777216 net.core.netdev_max_backlog=100000 \
	net.core.rmem_default=4194304
for module in br_netfilter veth dummy nf_tables nf_defrag_ipv4; do
	modprobe "$module" || echo "cannot load $module"
done
# See init.sh: keeps a hook in PRE_ROUTING, so that the kernel's code need not be patched with every first hook; and the
# second CPU comes after most patching.
ip link add bridge type bridge
echo 1 >/sys/devices/system/cpu/cpu1/online || exit
[[ ! -e /lrkproxy/machine/load ]] || insmod /lrkproxy/machine/lrkproxy.ko || exit

cd /lrkproxy || exit
bash machine/command
status=$?
if dmesg | grep -E -f tests/vm/complaints.txt; then
	echo "FAIL: the kernel complains"
	dmesg | tail -n 100
	status=1
fi
trap - EXIT
leave "$status"
