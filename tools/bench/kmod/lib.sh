# Shared by the module's benchmarks: where things are. Sourced, never run.
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../../../tests/vm/uml/lib.sh"

KMOD_BENCH=$TOP/tools/bench/kmod
# shellcheck disable=SC2034  # used by those who source this
readonly KMOD_BENCH
