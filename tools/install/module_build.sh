#!/bin/bash
# The kernel module, built from this folder: sourced by install.sh after files.sh and module.sh. Nothing here stops an
# installation. Without the module, nftables carries all calls.
# shellcheck disable=SC2154  # source_dir, state_dir, stage, kernel: of install.sh

module_log=$state_dir/module.log

# module_kernels: the releases to build for, a line each. Those that have it already must not fall behind.
module_kernels() {
	{
		case $kernel in
		all) compgen -G '/lib/modules/*/build/Makefile' || true ;;
		'') echo "/lib/modules/$(uname -r)/" ;;
		*) echo "/lib/modules/$kernel/" ;;
		esac
		compgen -G '/lib/modules/*/updates/lrkproxy.ko*' || true
		compgen -G '/lib/modules/*/updates/dkms/lrkproxy.ko*' || true
	} | cut -d / -f 4 | sort -u
}

# why_no_module RELEASE: nothing, or what keeps it from being built, and what to do.
why_no_module() {
	local headers=/lib/modules/$1/build option
	local BUILD_EXCLUSIVE_KERNEL BUILD_EXCLUSIVE_ARCH BUILD_EXCLUSIVE_CONFIG
	eval "$(grep '^BUILD_EXCLUSIVE' "$source_dir/kmod/dkms.conf")"
	if [[ ! $1 =~ $BUILD_EXCLUSIVE_KERNEL ]]; then
		echo 'the module is for Linux 6.1 and newer'
	elif [[ ! $(uname -m) =~ $BUILD_EXCLUSIVE_ARCH ]]; then
		echo "the module is not for $(uname -m)"
	elif [[ ! -e $headers/Makefile ]]; then
		echo "its headers are not here: apt-get install linux-headers-$1, then run this again"
	elif ! command -v make >/dev/null || ! command -v gcc >/dev/null; then
		echo 'there is no compiler: apt-get install make gcc, then run this again'
	else
		for option in $BUILD_EXCLUSIVE_CONFIG; do
			grep -qx "$option=y" "$headers/.config" "$headers/include/config/auto.conf" 2>/dev/null && continue
			echo "that kernel was built without $option"
			return
		done
	fi
}

# A line of the record is RELEASE SUM: the sum of the sources that were built for it, and how.
is_built() {
	grep -qsx "$1 $module_sum" "$state_dir/modules" && modinfo -k "$1" lrkproxy >/dev/null 2>&1
}

record_module() {
	sed -i "/^$1 /d" "$state_dir/modules"
	echo "$1 $module_sum" >>"$state_dir/modules"
}

# try_build RELEASE: the old module is not touched before the new one is known to compile.
try_build() {
	rm -rf "$stage/build"
	cp -r "$stage/module" "$stage/build"
	make -C "$stage/build" -j "$(nproc)" "KDIR=/lib/modules/$1/build" modules
}

install_by_make() {
	rm -f "/lib/modules/$1"/updates/dkms/lrkproxy.ko*
	make -C "$stage/build" "KDIR=/lib/modules/$1/build" modules_install
}

# Equal versions are equal sources to DKMS, so others have to make room before.
install_by_dkms() {
	local version target
	version=$(project_version)
	target=/usr/src/lrkproxy-$version
	rm -f "/lib/modules/$1"/updates/lrkproxy.ko*
	if [[ $(dkms_versions) != "$version" ]] || ! diff -r "$stage/module" "$target"; then
		dkms_versions | while read -r other; do dkms remove -m lrkproxy -v "$other" --all; done
		rm -rf /usr/src/lrkproxy-[0-9]*
		cp -r "$stage/module" "$target"
		dkms add -m lrkproxy -v "$version"
	fi
	dkms install -m lrkproxy -v "$version" -k "$1" --force
}

# make_module: for each kernel that it can be had for; of each other one a line says why not.
make_module() {
	local release reason way=make
	! command -v dkms >/dev/null || way=dkms
	stage_module "$stage/module"
	module_sum=$way-$(cd "$stage/module" && find . -type f -exec sha256sum {} + | LC_ALL=C sort | sha256sum | cut -c 1-64)
	touch "$state_dir/modules"
	for release in $(module_kernels); do
		reason=$(why_no_module "$release")
		if [[ -n $reason ]]; then
			say "No kernel module for Linux $release: $reason. nftables carries all calls"
		elif is_built "$release"; then
			say "The kernel module for Linux $release is kept as it is"
		elif { try_build "$release" && "install_by_$way" "$release"; } >"$module_log" 2>&1 </dev/null; then
			record_module "$release"
			say "The kernel module for Linux $release: $(modinfo -k "$release" -n lrkproxy)"
		else
			say "No new kernel module for Linux $release: it cannot be built, see $module_log. Without one, nftables carries all calls"
		fi
	done
}
