# Shared by the scripts that run the module in a kernel that looks for mistakes. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../uml/lib.sh"

DEBUG=$VM/debug
# shellcheck disable=SC2034  # used by those who source this
readonly DEBUG
