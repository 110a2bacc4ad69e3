#!/bin/sh
# PID 1 of the test machine: loads the module, runs the tests, looks for what the kernel complained of, and leaves.
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
echo 1 >/proc/sys/net/ipv4/ip_forward
/sbin/ip link set lo up
status=0
for module in llc stp bridge br_netfilter veth vrf xfrm_algo xfrm_user; do
	insmod /mod/$module.ko || status=1
done
# Two CPUs of QEMU without KVM do not survive that the kernel patches its code: one goes on with the breakpoint that was
# there for a moment. A kernel patches much while it starts (sched_clock alone at 1.5 s), so it starts with one CPU
# (maxcpus=1), and the other one comes here. A bridge has a hook in PRE_ROUTING all the time; without any other, the kernel
# would patch with each first and last flow.
/sbin/ip link add bridge type bridge || status=1
echo 1 >/sys/devices/system/cpu/cpu1/online || status=1
insmod /mod/lrkproxy.ko || status=1
if [ $status = 0 ]; then
	relay || status=1
fi
# A taint by an unsigned module from outside is expected; a complaint is not.
if dmesg | grep -E -f /mod/complaints.txt; then
	echo "FAIL: the kernel complains"
	dmesg | tail -n 60
	status=1
fi
[ $status = 0 ] && echo "ALL PASSED"
relay exit $status
