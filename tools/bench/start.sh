#!/bin/bash
# How long `lrkproxy version` takes, in milliseconds: tools/bench/start.sh [STARTS]
#
# The first start unpacks into an empty cache folder, the others find it filled. The program is dist/lrkproxy
# (tools/deno.sh task compile), or $LRKPROXY.
set -euo pipefail

program=${LRKPROXY:-$(dirname "${BASH_SOURCE[0]}")/../../dist/lrkproxy}
starts=${1:-40}
CACHE_DIRECTORY=$(mktemp -d)
export CACHE_DIRECTORY
trap 'rm -rf "$CACHE_DIRECTORY"' EXIT

# one_start: prints its milliseconds.
one_start() {
	local before=$EPOCHREALTIME after
	"$program" version >/dev/null
	after=$EPOCHREALTIME
	printf '%d\n' $(((${after/./} - ${before/./}) / 1000))
}

printf 'first start: %d ms\n' "$(one_start)"
for ((i = 0; i < starts; i++)); do one_start; done | sort -n | awk '
	{ took[NR] = $1 }
	END { printf "later starts: least %d ms, median %d ms, 9 of 10 within %d ms\n", took[1], took[int((NR + 1) / 2)], took[int(NR * 0.9)] }'
