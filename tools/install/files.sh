#!/bin/bash
# Which files an installation consists of, and how they take the place of an older one's. Sourced by
# install.sh and tools/deb/build.sh.
# shellcheck disable=SC2154  # source_dir, prefix, binary: of whoever sources this

# shellcheck source=documents.sh
. "$(dirname "${BASH_SOURCE[0]}")/documents.sh"

# file_table: MODE SOURCE TARGET, a line each. This is the one list of what is installed.
file_table() {
	local units=/etc unit
	[[ $prefix != /usr ]] || units=/usr/lib
	echo "755 $binary $prefix/bin/lrkproxy"
	for unit in "$source_dir"/systemd/lrkproxy.*; do
		echo "644 $unit $units/systemd/system/${unit##*/}"
	done
	echo "644 $source_dir/systemd/sysusers.d/lrkproxy.conf $units/sysusers.d/lrkproxy.conf"
	echo "644 $source_dir/systemd/rules.d/60-lrkproxy.rules $units/udev/rules.d/60-lrkproxy.rules"
	echo "644 $source_dir/tests/golden/lrkproxy.ini $prefix/share/lrkproxy/lrkproxy.ini"
	document_table
	echo "644 man $prefix/share/man/man8/lrkproxy.8"
}

# stage_files FOLDER: put all of them below FOLDER.
stage_files() {
	local mode source target table
	table=$(file_table)
	while read -r mode source target; do
		mkdir -p "$(dirname "$1$target")"
		case $source in
		man) "$source_dir/tools/install/man.sh" "$prefix" ;;
		*.md) document "$table" "$source" "$target" ;;
		*/systemd/*) sed "s|@BINDIR@|$prefix/bin|g" "$source" ;;
		*) cat "$source" ;;
		esac >"$1$target"
		chmod "$mode" "$1$target"
	done <<<"$table"
}

project_version() { sed -n 's/^export const VERSION = "\(.*\)";/\1/p' "$source_dir/src/base/version.ts"; }

# stage_module FOLDER: the kernel module's sources, without what a build has left among them.
stage_module() {
	local file
	while read -r file; do
		install -D -m 644 "$source_dir/kmod/$file" "$1/$file"
	done < <(cd "$source_dir/kmod" && find . -type f \
		\( -name '*.[ch]' -o -name Kbuild -o -name Makefile -o -name dkms.conf \) ! -name '*.mod.c')
	sed -i "s/@VERSION@/$(project_version)/" "$1/dkms.conf"
}

beside() { echo "${1%/*}/.${1##*/}.$2"; }

# make_folders FOLDER: and say which were missing, so that they can go again.
make_folders() {
	[[ ! -d $1 ]] || return 0
	make_folders "$(dirname "$1")"
	mkdir "$1"
	echo "$1/"
}

# place_files STAGE MANIFEST: each by a rename, all after there turned out to be room for all of them.
# The old ones stay beside them until keep_new_files or restore_old_files.
place_files() {
	local mode source target
	while read -r mode source target; do
		make_folders "${target%/*}" >>"$2"
		cp "$1$target" "$(beside "$target" new)"
		chmod "$mode" "$(beside "$target" new)"
	done < <(file_table)
	while read -r mode source target; do
		rm -f "$(beside "$target" old)"
		[[ ! -e $target ]] || ln -P "$target" "$(beside "$target" old)"
		mv -T "$(beside "$target" new)" "$target"
		grep -qsxF "$target" "$2" || echo "$target" >>"$2"
	done < <(file_table)
}

keep_new_files() {
	local mode source target
	while read -r mode source target; do
		rm -f "$(beside "$target" old)"
	done < <(file_table)
}

restore_old_files() {
	local mode source target
	while read -r mode source target; do
		rm -f "$(beside "$target" new)"
		[[ ! -e $(beside "$target" old) ]] || mv -T "$(beside "$target" old)" "$target"
	done < <(file_table)
}

# remove_files MANIFEST: its files, then those of its folders that are empty now, the deepest first.
remove_files() {
	local path
	while read -r path; do
		case $path in
		*/) [[ ! -d $path ]] || rmdir --ignore-fail-on-non-empty "$path" ;;
		*) rm -f "$path" "$(beside "$path" old)" "$(beside "$path" new)" ;;
		esac
	done < <(sort -r "$1")
}
