#!/bin/bash
# Boots a Debian with systemd as its PID 1, in a network namespace that there is, and with lrkproxy's
# unit installed but not started. Prints the pid of that PID 1; ends the machine when it is ended itself.
#
#   boot.sh SUITE NETWORK-NAMESPACE CONFIGURATION
#
# Whatever the machine writes is in memory and gone afterwards.
. "$(dirname "$0")/../acceptance/lib.sh"

suite=$1 network=/run/netns/$2 configuration=$3
root=$CACHE/systemd-$suite
name=lrk-$$
scratch=$(mktemp -d /tmp/lrk-boot.XXXXXX)
nspawn=0
groups=()

finish() {
  local group leader
  leader=$(leader_pid)
  [[ -z $leader ]] || kill -KILL "$leader" 2>/dev/null || true
  wait 2>/dev/null || true
  for group in "${groups[@]}"; do
    echo $$ >"$(dirname "$group")/cgroup.procs"
    wait_for 5 "the machine's processes to go" remove_group "$group" || true
  done
  rm -rf --one-file-system "$scratch"
}

remove_group() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; }

# The child of nspawn that is number 1 of its own namespace and has become systemd.
leader_pid() {
  local pid children=()
  read -ra children <"/proc/$nspawn/task/$nspawn/children" 2>/dev/null || true
  for pid in "${children[@]}"; do
    grep -qx systemd "/proc/$pid/comm" 2>/dev/null || continue
    awk -v pid="$pid" '$1 == "NSpid:" && $NF == 1 { print pid }' "/proc/$pid/status"
  done
}

# The machine's processes get a control group of their own, in each hierarchy that systemd uses.
join_group() {
  local hierarchy
  for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    [[ -f $hierarchy/cgroup.procs ]] || continue
    mkdir "$hierarchy/$name"
    groups+=("$hierarchy/$name")
    echo $$ >"$hierarchy/$name/cgroup.procs"
  done
}

# The files that install.sh places, in the machine's root.
install_program() {
  local root=$1
  install -d "$root/usr/local/lib/lrkproxy" "$root/usr/local/bin" "$root/etc/lrkproxy"
  find "$TOP/dist" -maxdepth 1 ! -type d -exec cp -L {} "$root/usr/local/lib/lrkproxy/" \;
  ln -s ../lib/lrkproxy/lrkproxy "$root/usr/local/bin/lrkproxy"
  sed 's|@BINDIR@|/usr/local/bin|' "$TOP/systemd/lrkproxy.service" \
    >"$root/etc/systemd/system/lrkproxy.service"
  install -m 644 "$TOP/systemd/sysusers.d/lrkproxy.conf" "$root/usr/lib/sysusers.d/lrkproxy.conf"
  systemd_sysusers "$root"
  install -m 640 "$configuration" "$root/etc/lrkproxy/lrkproxy.ini"
  chroot "$root" chgrp lrkproxy /etc/lrkproxy/lrkproxy.ini
}

systemd_sysusers() { chroot "$1" systemd-sysusers lrkproxy.conf; }

# In a mount namespace of its own, which takes all of this along when the machine ends.
in_mounts() {
  mount --make-rprivate /
  touch "$scratch/network"
  mount --bind "$network" "$scratch/network"
  mount -t tmpfs lrk-boot /run
  install -d "$scratch/root"
  mount -t tmpfs lrk-boot "$scratch/root"
  install -d "$scratch/root"/{upper,work,merged}
  mount -t overlay lrk-boot "$scratch/root/merged" \
    -o "lowerdir=$root,upperdir=$scratch/root/upper,workdir=$scratch/root/work"
  echo uninitialized >"$scratch/root/merged/etc/machine-id"
  # The network is there already.
  ln -sf /dev/null "$scratch/root/merged/etc/systemd/system/systemd-networkd.service"
  ln -sf /dev/null "$scratch/root/merged/etc/systemd/system/systemd-networkd.socket"
  install_program "$scratch/root/merged"
  # As on a machine of its own: no filter of nspawn's, and settings of the network can be written.
  SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 \
    exec systemd-nspawn --quiet --boot --register=no --keep-unit --console=pipe --machine="$name" \
    --network-namespace-path="$scratch/network" --capability=CAP_NET_ADMIN \
    --directory="$scratch/root/merged" </dev/null >&2
}

need_root
need_commands systemd-nspawn=systemd-container
[[ -d $root ]] || bash "$ACCEPTANCE/roots.sh" "systemd-$suite" >&2
trap finish EXIT
trap 'exit 0' TERM INT
join_group
export -f in_mounts install_program systemd_sysusers
export suite network configuration root name scratch TOP
unshare --mount bash -euo pipefail -c in_mounts &
nspawn=$!
is_up() { [[ -n $(leader_pid) ]]; }
wait_for 30 "the machine to be there" is_up
leader_pid
wait "$nspawn"
