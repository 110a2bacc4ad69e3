#!/bin/bash
# Builds the module for each kernel in kernels.txt, or those that are named, and tests it there.
#
#   run.sh [KERNEL…]
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
kernels=("$@")
((${#kernels[@]})) || mapfile -t kernels < <(kernel_names)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kernel in "${kernels[@]}"; do
	"$VM/build.sh" "$kernel" "$work/$kernel"
	"$VM/boot.sh" "$kernel" "$work/$kernel/lrkproxy.ko"
done
