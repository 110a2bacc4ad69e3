#!/bin/bash
# Build dist/: the bundled program, the runtime beside it, and the launcher that joins them.
# The launcher grants exactly what the program uses; docs/ARCHITECTURE.md says what for.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p dist
tools/deno.sh bundle --quiet --frozen --platform=deno --output dist/lrkproxy.js main.ts
ln -sfn "$(readlink -f tools/deno/node_modules/@deno/linux-*/deno)" dist/deno
install -m 755 tools/launcher.sh dist/lrkproxy
