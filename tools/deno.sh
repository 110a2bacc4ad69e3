#!/bin/bash
# The pinned Deno, installed from the npm registry at the first call: tools/deno.sh task ok
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

runtime() {
	local found
	for found in "$here"/deno/node_modules/@deno/linux-*/deno; do
		[[ -x $found ]] && echo "$found" && return 0
	done
	return 1
}

if ! runtime >/dev/null; then
	echo "Installing Deno from the npm registry" >&2
	npm ci --prefix "$here/deno" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
fi
exec "$(runtime)" "$@"
