# Shared by the acceptance scripts: messages, needs, the cache, namespaces. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

ACCEPTANCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$ACCEPTANCE/../.." && pwd)
CACHE=${LRK_CACHE:-/var/cache/lrkproxy-tests}
readonly ACCEPTANCE TOP CACHE
# shellcheck source=../support/network.sh
. "$TOP/tests/support/network.sh"

say() { printf '%s\n' "$*"; }

# drop_logs STATUS: take the logs' file system away, and keep a copy of what a failed run has written.
drop_logs() {
  if (($1 != 0)); then
    cp -a "$LOGS" "$LOGS.kept"
    say "logs kept in $LOGS.kept"
  fi
  # Of what was killed, some may not be gone yet.
  wait_for 10 "the last writers of $LOGS to be gone" quietly umount "$LOGS"
  rmdir "$LOGS"
}

quietly() { "$@" 2>/dev/null; }

fail() {
  printf 'FAIL: %s\n' "$*" >&2
  exit 1
}

usage() {
  printf 'usage: %s\n' "$*" >&2
  exit 2
}

need_root() {
  [[ $EUID -eq 0 ]] || fail "must run as root: it makes network namespaces and chroots"
}

# need_commands command=package …: installs the packages of the commands that are missing.
need_commands() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  say "installing ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

root_of_suite() { echo "$CACHE/kamailio-$1"; }

suite_of_version() {
  case $1 in
    6.0) echo trixie ;;
    5.6) echo bookworm ;;
  esac
}

# wait_for SECONDS WHAT COMMAND…: polls until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    ((SECONDS < deadline)) || {
      say "timed out waiting for $what"
      return 1
    }
    sleep 0.05
  done
}

# The pinned Deno of this tree, unless DENO names another.
find_deno() {
  local deno=${DENO:-}
  [[ -n $deno ]] || deno=$(compgen -G "$TOP/tools/deno/node_modules/@deno/*/deno" | head -n 1) ||
    deno=$(command -v deno) || fail "no deno: run npm ci in tools/deno"
  echo "$deno"
}

# The mirror this machine itself installs from: the main component of its own release.
debian_mirror() {
  local release
  if [[ -n ${LRK_DEBIAN_MIRROR:-} ]]; then
    echo "$LRK_DEBIAN_MIRROR"
    return
  fi
  release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # shellcheck disable=SC2016  # the dollars are apt's
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' "Created-By: Packages" |
    awk -v want="$release" '$2 == "main" && ($1 == want || $1 == "stable") { print $3; exit }'
}

# debootstrap downloads with wget, which does not read apt's proxy setting.
use_apt_proxy() {
  local proxy=""
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  [[ -z $proxy || $proxy == DIRECT ]] || export http_proxy="$proxy"
}
