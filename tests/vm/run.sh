#!/bin/bash
# Builds the module for each kernel in kernels.txt and tests it there, alone and with the daemon; and in one that looks
# for mistakes. Needs dist/lrkproxy.
#
#   run.sh [KERNEL|MODE…]          those alone. Modes are debug/run.sh's
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

"$VM/roots.sh"
# Names with capitals are C's own; versions may be named in compat alone, which is what these two complain of.
ignore=CAMELCASE,LINUX_VERSION_CODE,CONSTANT_COMPARISON
found=$(cd "$TOP/kmod" && perl "$ROOT/usr/src/checkpatch/checkpatch.pl" --strict --no-tree --root / --quiet --terse \
	--show-types --max-line-length=120 --ignore "$ignore" --file ./*.[ch] uapi/*.h compat/*.h kunit/*.c 2>&1) || {
	printf '%s\n' "$found" >&2
	fail "checkpatch --strict finds something"
}
say "checkpatch: clean"
chosen=("$@")
(($#)) || mapfile -t chosen < <(kernel_names)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
modes=()
for kernel in "${chosen[@]}"; do
	if ! kernel_names | grep -qxF "$kernel"; then
		modes+=("$kernel")
		continue
	fi
	"$VM/build.sh" "$kernel" "$work/$kernel"
	"$VM/boot.sh" "$kernel" "$work/$kernel/lrkproxy.ko"
	"$VM/e2e/run.sh" "$kernel" "$work/$kernel/lrkproxy.ko"
	# The oldest kernel: interfaces as a distribution has them, without the module.
	[[ $kernel != 6.1 ]] || "$VM/links/run.sh" "$kernel" "$work/$kernel/lrkproxy.ko"
	# Debian 13 is booted with its own kernel alone.
	[[ $kernel != 6.12 ]] || "$VM/systemd.sh" "$kernel" "$work/$kernel/lrkproxy.ko"
done
(($# && ${#modes[@]} == 0)) || "$VM/debug/run.sh" "${modes[@]}"
