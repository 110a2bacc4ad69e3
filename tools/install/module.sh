#!/bin/bash
# The kernel module on a machine: loaded, replaced, removed. Sourced by install.sh and put into the package's
# scripts; needs say() and `program`. Nothing here ends a call: nftables carries those whose flows the module has lost.
# shellcheck disable=SC2154  # program: the lrkproxy to ask

is_loaded() { [[ -d /sys/module/lrkproxy ]]; }

# unload_module: the daemon holds the device for the length of a transaction, so another try soon succeeds.
unload_module() {
	local deadline=$((SECONDS + 5))
	until ! is_loaded || rmmod lrkproxy 2>/dev/null; do
		((SECONDS < deadline)) || return 1
		sleep 0.1
	done
}

# use_module: load what is installed for the running kernel, in place of an older one that is loaded.
use_module() {
	local installed
	# In a chroot or a container, the running kernel and its modules are somebody else's.
	! ischroot && [[ -w /sys/module ]] || return 0
	installed=$(modinfo -F srcversion lrkproxy 2>/dev/null) || return 0
	! is_loaded || [[ $installed != "$(cat /sys/module/lrkproxy/srcversion)" ]] || return 0
	# First, or the packets that flows have counted in the module would be missing from their sessions.
	! is_loaded || "$program" path all nft >/dev/null 2>&1 || true
	if ! unload_module; then
		say 'The older kernel module stays in use, since a program holds /dev/lrkproxy; later: rmmod lrkproxy && modprobe lrkproxy'
	elif ! modprobe lrkproxy 2>/dev/null; then
		say "The kernel refuses the module, so nftables carries all calls; dmesg says why. Secure Boot: ${program%/bin/*}/share/doc/lrkproxy/KMOD.md"
	else
		say 'The kernel module is loaded'
	fi
	"$program" path all auto >/dev/null 2>&1 || true
}

# read_device_rule: udev's, also for a device that is there already.
read_device_rule() {
	if command -v udevadm >/dev/null && [[ -S /run/udev/control ]]; then
		udevadm control --reload
		! is_loaded || udevadm trigger --settle /dev/lrkproxy || true
	fi
}

# forget_module: from the kernel and from the disk, whoever has put it there.
forget_module() {
	local version folder files
	ischroot || unload_module || say 'The kernel module stays loaded, since a program holds /dev/lrkproxy: rmmod lrkproxy'
	while read -r version; do
		dkms remove -m lrkproxy -v "$version" --all >/dev/null 2>&1 || say "DKMS does not let go of lrkproxy/$version"
	done < <(dkms_versions)
	rm -rf /usr/src/lrkproxy-[0-9]* /var/lib/dkms/lrkproxy
	for folder in /lib/modules/*/updates; do
		mapfile -t files < <(compgen -G "$folder/lrkproxy.ko*"; compgen -G "$folder/dkms/lrkproxy.ko*")
		((${#files[@]})) || continue
		rm -f "${files[@]}"
		[[ ! -d $folder/dkms ]] || rmdir --ignore-fail-on-non-empty "$folder/dkms"
		rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true
		depmod "$(basename "${folder%/updates}")"
	done
}

# dkms_versions: that DKMS knows, a line each.
dkms_versions() {
	! command -v dkms >/dev/null || { compgen -G '/var/lib/dkms/lrkproxy/*/source' || true; } | cut -d / -f 6
}
