#!/bin/bash
# Build dist/lrkproxy, the whole program in one file. What is granted to it is explained in docs/ARCHITECTURE.md.
#
#   tools/build.sh [--self-extracting]
#
# `deno compile` makes it if Deno's base binary is at hand: in $DENORT_BIN, in Deno's cache, or for download.
# Otherwise, or if asked for, it is the launcher with the runtime and the program packed behind it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/packages.sh
. tools/packages.sh
# shellcheck source=tools/v8.sh
. tools/v8.sh

build=dist/.build
program=$build/lrkproxy.js
arch=$(uname -m)
libc=/usr/lib/$arch-linux-gnu/libc.so.6,/lib/$arch-linux-gnu/libc.so.6,/usr/lib64/libc.so.6,/lib64/libc.so.6
# No code cache: Deno loads compiled code from it unchecked, and crashes if it is damaged.
flags=(
	"$v8_flags"
	--quiet --no-prompt --no-config --no-remote --no-npm --no-lock --no-code-cache --unstable-net
	--allow-net --allow-read --allow-write "--allow-ffi=$libc" "--allow-run=nft,ip,iptables-nft-save,iptables-legacy-save,kamailio"
	--allow-sys=networkInterfaces "--allow-env=JOURNAL_STREAM,NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID,LISTEN_FDS,LISTEN_PID,LISTEN_FDNAMES"
)

say() { printf 'build.sh: %s\n' "$*" >&2; }

# base_binary: is there one? The download host is asked for three seconds at most.
base_binary() {
	local version name
	[[ -z ${DENORT_BIN:-} ]] || { [[ -x $DENORT_BIN ]]; return; }
	version=$(tools/deno.sh eval --quiet 'console.log(Deno.version.deno)')
	name=release/v$version/denort-$arch-unknown-linux-gnu.zip
	[[ ! -e ${DENO_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/deno}/dl/$name ]] || return 0
	tools/deno.sh eval --quiet "
		const options = { method: 'HEAD', signal: AbortSignal.timeout(3000) };
		Deno.exit((await fetch('https://dl.deno.land/$name', options)).ok ? 0 : 1);" 2>/dev/null
}

# deno compile, within two minutes; its own complaint is a stack trace, so it is put into a file.
compile() {
	base_binary || return 1
	timeout 120 tools/deno.sh compile "${flags[@]}" --output "$build/compiled" "$program" 2>"$build/compile.log" ||
		return 1
	mv -f "$build/compiled" dist/lrkproxy
}

need_build_packages() {
	[[ -e /usr/include/zstd.h ]] && command -v cc zstd >/dev/null && return
	say "Cannot build the launcher: apt-get install ${build_packages[*]}"
	exit 1
}

pack() {
	local runtimes=(tools/deno/node_modules/@deno/linux-*/deno)
	need_build_packages
	make --silent -C tools/launcher OUT="$PWD/$build"
	tools/pack.sh "$build/launcher" "${runtimes[0]}" "$program" dist/lrkproxy run --ext=js "${flags[@]}"
}

mkdir -p "$build"
tools/deno.sh bundle --quiet --frozen --platform=deno --output "$program" main.ts
tools/deno.sh run --quiet --allow-read="$program" --allow-write="$program" tools/trim_bundle.ts "$program"
if [[ ${1:-} == --self-extracting ]]; then
	pack
elif ! compile; then
	say "deno compile has no base binary here: building the self-extracting executable"
	pack
fi
