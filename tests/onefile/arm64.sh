#!/bin/bash
# Build the launcher for arm64 on another machine: tests/onefile/arm64.sh FOLDER
#
# Leaves FOLDER/launcher. The cross compiler comes from this machine's Debian packages, arm64's libzstd from the same
# archive through a package list of its own, so that this machine does not become a multi-arch one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$1

# The list and the package in FOLDER, and nothing of this machine's apt but its sources and keys.
mkdir -p "$folder/lists/partial" "$folder/archives/partial"
: >"$folder/status"
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
	-o Acquire::Languages=none -o Dir::State="$folder" -o Dir::State::lists="$folder/lists"
	-o Dir::State::status="$folder/status" -o Dir::Cache="$folder")
"${apt[@]}" update
(cd "$folder" && "${apt[@]}" download libzstd-dev)
dpkg-deb --extract "$folder"/libzstd-dev_*_arm64.deb "$folder/root"

# Only zstd.h and libzstd.a are wanted: what else the folder has is for another C library.
mkdir "$folder/zstd"
cp "$folder/root/usr/include/zstd.h" "$folder/root/usr/lib/aarch64-linux-gnu/libzstd.a" "$folder/zstd"
make --silent -C "$here/../../tools/launcher" OUT="$folder" CC="aarch64-linux-gnu-gcc -I$folder/zstd" \
	ZSTD="$folder/zstd/libzstd.a"
