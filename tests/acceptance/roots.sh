#!/bin/bash
# Builds the Debian roots that Kamailio runs in: trixie for 6.0, bookworm for 5.6; and those that
# tests/systemd boots. All are kept in a cache folder, so this costs time once per machine.
#
#   roots.sh [6.0|5.6|both|systemd-SUITE…]        LRK_CACHE=folder   LRK_DEBIAN_MIRROR=url
#
# A broken run leaves only the downloaded packages behind and the next run goes on from there;
# a root appears under its final name only when it is complete.
. "$(dirname "$0")/lib.sh"

# kamailio itself holds lrkproxy.so, in both releases.
readonly MODULE="usr/lib/*/kamailio/modules/lrkproxy.so"
readonly SYSTEMD_PACKAGES=systemd,systemd-sysv,dbus,nftables,iproute2,procps
tmp=""

cleanup() {
  [[ -n $tmp ]] || return 0
  # debootstrap mounts these inside the root and leaves them when it is interrupted.
  umount "$tmp/proc" "$tmp/sys" 2>/dev/null || true
  rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT

# A line for each new phase and every 60 lines instead of one per package.
progress() {
  awk -v suite="$1" '
    { n++ }
    !($2 in seen) || n % 60 == 0 || $1 == "E:" { seen[$2]; print "  " suite ": " $0; fflush() }'
}

trim() {
  rm -rf "$1"/usr/share/{doc,man,info,locale,i18n} "$1"/var/cache/apt/archives/*.deb \
    "$1"/var/lib/apt/lists/* "$1"/var/cache/debconf/*-old
}

# build_root SUITE ROOT PACKAGES PROOF: PROOF, a glob, is there if the root is complete.
build_root() {
  local suite=$1 root=$2 packages=$3 proof=$4 mirror name
  name=$(basename "$root")
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || fail "no Debian mirror in this machine's apt sources; set LRK_DEBIAN_MIRROR"

  tmp=$root.building
  cleanup
  mkdir -p "$CACHE/debs-$name"
  say "building $root (kept for later runs)"
  debootstrap --variant=minbase --include="$packages" --cache-dir="$CACHE/debs-$name" \
    "$suite" "$tmp" "$mirror" 2>&1 | tee "$CACHE/debootstrap-$name.log" | progress "$suite"

  # shellcheck disable=SC2086  # a glob
  compgen -G "$tmp/"$proof >/dev/null || fail "$name has no $proof"
  # Nothing may start by itself, should someone install more into the root later.
  printf '#!/bin/sh\nexit 101\n' >"$tmp/usr/sbin/policy-rc.d"
  chmod 755 "$tmp/usr/sbin/policy-rc.d"
  trim "$tmp"
  mv -T "$tmp" "$root"
  tmp=""
  rm -rf "$CACHE/debs-$name"
}

ensure_root() {
  local suite=$1 root
  root=$(root_of_suite "$suite")
  [[ -d $root ]] || build_root "$suite" "$root" kamailio "$MODULE"
  say "$suite: $(chroot "$root" kamailio -v 2>/dev/null | sed -n '1s/^version: //p')"
}

ensure_systemd_root() {
  local suite=$1 root=$CACHE/systemd-$1
  [[ -d $root ]] || build_root "$suite" "$root" "$SYSTEMD_PACKAGES" usr/bin/systemd-analyze
  say "$suite: $(chroot "$root" systemctl --version | head -n 1)"
}

main() {
  need_root
  need_commands debootstrap=debootstrap
  use_apt_proxy
  mkdir -p "$CACHE"
  # Two runs on one machine must not build the same root.
  exec 9>"$CACHE/.lock"
  flock 9
  case ${1:-both} in
    systemd-*)
      for root in "$@"; do ensure_systemd_root "${root#systemd-}"; done
      ;;
    6.0) ensure_root trixie ;;
    5.6) ensure_root bookworm ;;
    both) ensure_root trixie && ensure_root bookworm ;;
    *) usage "roots.sh [6.0|5.6|both]" ;;
  esac
}

main "$@"
