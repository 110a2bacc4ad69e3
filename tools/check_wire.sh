#!/bin/bash
# Compares the layout of kmod/uapi/lrkproxy.h, as the C compiler sees it in user space, with tests/golden/wire_layout.txt,
# and one record of each type with tests/golden/wire/*.hex. The module is held to the header by the compiler, and
# src/kmod/wire.ts to these files by its tests.
#
#   check_wire.sh              compares; the difference is printed, and the status is 1
#   check_wire.sh --update     writes them anew
set -euo pipefail
cd "$(dirname "$0")/.."

golden=tests/golden
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# compiled FILE PROGRAM. Fields that a record leaves out are 0.
compiled() { gcc -std=gnu11 -O1 -Wall -Wextra -Wno-missing-field-initializers -Werror -Ikmod/uapi -o "$2" "$1"; }

# Writes what belongs into tests/golden to a folder of the same form.
make_golden() {
	local into=$1 name
	mkdir -p "$into/wire"
	awk -f tools/wire/layout.awk kmod/uapi/lrkproxy.h >"$scratch/layout.c"
	compiled "$scratch/layout.c" "$scratch/layout"
	compiled tools/wire/vectors.c "$scratch/vectors"
	"$scratch/layout" >"$into/wire_layout.txt"
	while read -r name; do
		"$scratch/vectors" "$name" >"$into/wire/$name.hex"
	done < <("$scratch/vectors")
}

make_golden "$scratch/golden"
same_as_golden() {
	diff -u "$golden/wire_layout.txt" "$scratch/golden/wire_layout.txt" || return
	diff -ru "$golden/wire" "$scratch/golden/wire"
}

case ${1-} in
	--update)
		rm -rf "$golden/wire"
		cp -r "$scratch/golden/." "$golden/"
		;;
	'')
		same_as_golden || {
			echo "The layout of kmod/uapi/lrkproxy.h is not that of tests/golden: deno task golden" >&2
			exit 1
		}
		;;
	*)
		echo "usage: check_wire.sh [--update]" >&2
		exit 2
		;;
esac
