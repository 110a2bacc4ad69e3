#!/bin/bash
# Debian packages that a script needs: sourced.

# What tools/build.sh needs besides npm.
# shellcheck disable=SC2034  # used by those who source this
build_packages=(gcc libc6-dev libzstd-dev make zstd)
# What kernels and modules for them are built with, and what stock ones are run in.
# shellcheck disable=SC2034  # used by those who source this
kernel_packages=(bc bison flex libelf-dev perl qemu-system-x86 xz-utils e2fsprogs "${build_packages[@]}")

# missing_packages PACKAGE…: those that are not installed, a line each.
missing_packages() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
	done
}

# install_packages PACKAGE…: those that are missing.
install_packages() {
	local missing
	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]})) || return 0
	printf '==> Installing %s\n' "${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
