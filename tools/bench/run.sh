#!/bin/bash
# Benchmarks of the relay, as ratios measured in one run. Needs root.
set -euo pipefail
shopt -s inherit_errexit

usage() {
  cat <<'HELP'
Usage: tools/bench/run.sh [--quick] [--json FILE] [forwarding|control|all]

  forwarding   CPU time to pass a frame on: the relay against plain forwarding,
               conntrack NAT and a relay in user space, at 100 and 20,000 sessions
  control      answers to Kamailio, memory, upkeep and restart with 20,000 sessions
  all          both (the default)

  --quick      fewer and shorter rounds: to see that it works
  --json FILE  write the figures to FILE, too

The program measured is dist/lrkproxy (deno task compile), or $LRKPROXY. Traffic
stays in namespaces that are removed at the end.
HELP
}

HERE=$(cd "$(dirname "$0")" && pwd)
PART=all JSON=
ROUNDS=21 FRAMES=150000 LOAD_SECONDS=10 UPKEEP_SECONDS=30
while [ $# -gt 0 ]; do
  case $1 in
    --quick) ROUNDS=5 FRAMES=100000 LOAD_SECONDS=3 UPKEEP_SECONDS=10 ;;
    --json) JSON=${2:?--json needs a file} && shift ;;
    --help | -h) usage && exit ;;
    forwarding | control | all) PART=$1 ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done
if [ "$(id -u)" != 0 ]; then
  echo "Cannot make network namespaces: run this as root" >&2
  exit 1
fi

# shellcheck source-path=SCRIPTDIR
. "$HERE/build.sh"
. "$HERE/rig.sh"
. "$HERE/daemon.sh"
. "$HERE/forwarding.sh"
. "$HERE/control.sh"

WORK=$(mktemp -d)
BENCH=bench$$
RESULTS=$WORK/results.tsv

cleanup() {
  daemon_end KILL
  [ ${#RELAY_PIDS[@]} -eq 0 ] || kill "${RELAY_PIDS[@]}" 2>/dev/null || true
  rigs_down
  rm -rf "$WORK"
}
trap cleanup EXIT

# record FIELD...: one line for report.ts.
record() {
  local IFS=$'\t'
  echo "$*" >>"$RESULTS"
}

deno_program() {
  command -v deno || echo "$HERE/../deno/node_modules/@deno/linux-x64-glibc/deno"
}

build_programs
if [ ! -x "$PROGRAM" ]; then
  echo "Cannot find $PROGRAM: run tools/deno.sh task compile first" >&2
  exit 1
fi
if [ "$PART" != control ]; then
  bench_forwarding 100 "$ROUNDS" "$FRAMES"
  bench_forwarding 20000 "$ROUNDS" "$FRAMES"
fi
if [ "$PART" != forwarding ]; then
  bench_control "$LOAD_SECONDS" "$UPKEEP_SECONDS"
fi
"$(deno_program)" run --allow-read="$RESULTS" ${JSON:+--allow-write="$JSON"} \
  "$HERE/report.ts" "$RESULTS" ${JSON:+"$JSON"}
