#!/bin/bash
# Debian packages that a script needs: sourced.

# install_packages PACKAGE…: those that are missing.
install_packages() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
			missing+=("$package")
	done
	((${#missing[@]})) || return 0
	printf '==> Installing %s\n' "${missing[*]}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
