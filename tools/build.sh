#!/bin/bash
# Build dist/: the bundled program, the runtime beside it, and the launcher that joins them.
# The launcher grants exactly what the program uses; see docs/ARCHITECTURE.md, "Permissions".
set -euo pipefail
cd "$(dirname "$0")/.."

toolchain=tools/deno/node_modules/@deno
if ! ls "$toolchain"/*/deno >/dev/null 2>&1; then
	npm ci --prefix tools/deno --ignore-scripts --silent --no-audit --no-fund
fi
deno=$(readlink -f "$(ls "$toolchain"/*/deno | head -n 1)")

mkdir -p dist
"$deno" bundle --quiet --frozen --platform=deno --output dist/lrkproxy.js main.ts
ln -sfn "$deno" dist/deno

cat >dist/lrkproxy.new <<'LAUNCHER'
#!/bin/sh
# Starts lrkproxy with the permissions that it needs and no others.
here=$(dirname "$(readlink -f "$0")")
arch=$(uname -m)
libc=/usr/lib/$arch-linux-gnu/libc.so.6,/lib/$arch-linux-gnu/libc.so.6,/usr/lib64/libc.so.6,/lib64/libc.so.6
exec "$here/deno" run --quiet --no-prompt --no-config --no-remote --no-npm --no-lock --unstable-net \
	--allow-net --allow-read --allow-write --allow-ffi="$libc" --allow-run=nft,ip \
	--allow-sys=networkInterfaces --allow-env=JOURNAL_STREAM,NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE \
	"$here/lrkproxy.js" "$@"
LAUNCHER
chmod 755 dist/lrkproxy.new
mv dist/lrkproxy.new dist/lrkproxy
