#!/bin/bash
# The benchmark's own programs, sourced: built once into a cache folder.

BENCH_BIN=${XDG_CACHE_HOME:-$HOME/.cache}/lrkproxy/bench
TRAFFIC=$(dirname "${BASH_SOURCE[0]}")/traffic

build_programs() {
  need_packages
  mkdir -p "$BENCH_BIN"
  local name
  for name in frame_check user_relay session_list control_load control_wait; do
    compile "$name"
  done
  compile frame_inject -lbpf
  if stale frame_inject.bpf.o frame_inject.bpf.c; then
    clang -O2 -g -target bpf -I"/usr/include/$(gcc -print-multiarch)" \
      -c "$TRAFFIC/frame_inject.bpf.c" -o "$BENCH_BIN/frame_inject.bpf.o"
  fi
}

need_packages() {
  local package missing=()
  for package in gcc libc6-dev clang libbpf-dev nftables iproute2 procps; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# compile NAME [LIBRARY...]
compile() {
  stale "$1" "$1.c" || return 0
  gcc -O2 -Wall -Wextra -Werror -o "$BENCH_BIN/$1" "$TRAFFIC/$1.c" "${@:2}"
}

# stale OUTPUT SOURCE: older than its source or a header, or missing.
stale() {
  local source
  for source in "$TRAFFIC/$2" "$TRAFFIC"/*.h; do
    [ "$BENCH_BIN/$1" -nt "$source" ] || return 0
  done
  return 1
}
