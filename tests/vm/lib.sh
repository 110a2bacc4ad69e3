# Shared by the scripts of the vm tier: where things are, and the kernels. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail

VM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM/../.." && pwd)
CACHE=${LRK_CACHE:-/var/cache/lrkproxy-tests}
# One Debian 13 root with the tools, the headers of all kernels, and their images and modules.
ROOT=$CACHE/kmod-root
# shellcheck disable=SC2034  # used by those who source this
readonly VM TOP CACHE ROOT

say() { printf '%s\n' "$*"; }

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# The names in kernels.txt, in its order.
kernel_names() { awk '!/^#/ && NF { print $1 }' "$VM/kernels.txt"; }

# release_of NAME: the full release of a kernel, such as 6.1.0-53-cloud-amd64.
release_of() { cat "$ROOT/kernels/$1"; }
