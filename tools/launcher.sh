#!/bin/sh
# Starts lrkproxy with the permissions that it needs and no others.
here=$(dirname "$(readlink -f "$0")")
arch=$(uname -m)
libc=/usr/lib/$arch-linux-gnu/libc.so.6,/lib/$arch-linux-gnu/libc.so.6,/usr/lib64/libc.so.6,/lib64/libc.so.6
# A small young generation and a bound on the heap keep V8 from spending memory to save on collecting.
exec "$here/deno" run --v8-flags=--expose-gc,--max-semi-space-size=4,--initial-old-space-size=32,--heap-growing-percent=15,--max-heap-size=384 --quiet --no-prompt --no-config --no-remote --no-npm \
	--no-lock --unstable-net \
	--allow-net --allow-read --allow-write --allow-ffi="$libc" --allow-run=nft,ip \
	--allow-sys=networkInterfaces --allow-env=JOURNAL_STREAM,NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE \
	"$here/lrkproxy.js" "$@"
