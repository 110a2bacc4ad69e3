#!/bin/sh
# PID 1 of the machine that is measured. Of its command line, kit= is the folder that guest.sh is in, and task= what to
# run there, with commas for spaces.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
# shellcheck disable=SC2013  # words are meant
for word in $(cat /proc/cmdline); do
	case $word in
	kit=*) kit=${word#kit=} ;;
	task=*) task=$(echo "${word#task=}" | tr , ' ') ;;
	esac
done
cd "$kit" || exit 1
PATH=$PATH:$kit/bin
status=0
[ ! -e modules/order ] || while read -r module; do
	insmod "modules/$module" || status=1
done <modules/order
dmesg -n 1
# shellcheck disable=SC2086  # a command and its arguments
[ $status = 0 ] && { sh ./$task || status=1; }
if dmesg | grep -E 'BUG:|Oops|general protection|Call Trace|soft lockup|Out of memory'; then
	dmesg | tail -n 40
	status=1
fi
[ $status = 0 ] && echo "DONE"
exec ./busybox poweroff -f
