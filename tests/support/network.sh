# Network namespaces that are the same on every machine: sourced by scripts in bash.
# shellcheck shell=bash

KERNEL_DEFAULTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../src/netns" && pwd)/kernel_defaults.txt

# set_kernel_defaults: gives the network namespace that this runs in the settings of a kernel which nobody has touched.
set_kernel_defaults() {
  local pattern value name path
  while read -r pattern value; do
    for name in all default lo; do
      path=/proc/sys/net/${pattern/'*'/$name}
      # Of some, writing what is there already changes others.
      [[ ! -e $path || $(tr '\t' ' ' <"$path") == "$value" ]] || echo "$value" >"$path"
    done
  done < <(grep -v '^#' "$KERNEL_DEFAULTS")
}

# add_namespace NAME: with a loopback that is up.
add_namespace() {
  ip netns add "$1"
  ip -n "$1" link set lo up
  ip netns exec "$1" bash -euo pipefail -c "$(declare -f set_kernel_defaults)
    KERNEL_DEFAULTS='$KERNEL_DEFAULTS' set_kernel_defaults"
}

# disturb_settings: every IPv4 setting of this network namespace other than a kernel has it, and no IPv6.
disturb_settings() {
  local path
  for path in /proc/sys/net/ipv4/conf/{all,default,lo}/* /proc/sys/net/ipv6/conf/{all,default,lo}/disable_ipv6; do
    [[ $path != */mc_forwarding && -e $path ]] || continue
    if [[ $(<"$path") == 0 ]]; then echo 1 >"$path"; else echo 0 >"$path"; fi
  done
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 20000 30000 >/proc/sys/net/ipv4/ip_local_port_range
}
