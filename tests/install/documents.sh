#!/bin/bash
# The documents as install.sh and the package place them: no dead links.
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for prefix in /usr/local /usr; do
	DESTDIR=$scratch$prefix PREFIX=$prefix ./install.sh --binary dist/lrkproxy --no-module
	bash tests/install/links.sh "$scratch$prefix" "$prefix"
done
echo 'ok documents'
