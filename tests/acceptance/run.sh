#!/bin/bash
# Real calls: SIPp callers, Kamailio with its own lrkproxy module, real RTP and RTCP sockets.
#
#   run.sh [--kamailio 6.0|5.6|both] [--calls N] [--rate R] [--hold SECONDS] [--control udp|unix]
#   run.sh --drain              only the relay that drains while calls come
#   run.sh --doctor             only the doctor beside Kamailio 6.0 and 5.6
#   run.sh --mutate [N] [--seed S] [--first I]
#                               only N mutated dialogs from I on: 5000 take about a minute a version
#   run.sh --expect-fail        the rig must notice a relay that stops relaying in mid-call
#
# Without options: what CI runs. A --calls, --rate, --hold or --control runs only the plain calls.
# LRK_CACHE: where the Debian roots are kept. LRKPROXY: the program under test (dist/lrkproxy).
. "$(dirname "$0")/lib.sh"
. "$ACCEPTANCE/topology.sh"
. "$ACCEPTANCE/relay_machine.sh"
. "$ACCEPTANCE/second_relay.sh"
. "$ACCEPTANCE/scenario.sh"
. "$ACCEPTANCE/stages.sh"
. "$ACCEPTANCE/doctor.sh"
. "$ACCEPTANCE/mutate/stage.sh"

versions=both calls=50 rate=10 hold=3 control=""
only_plain=false only_drain=false only_doctor=false only_mutate=false expect_fail=false
failures=0

while (($#)); do
  option=$1
  case $option in
    --kamailio) versions=${2:-} ;;
    --calls) calls=${2:-} only_plain=true ;;
    --rate) rate=${2:-} only_plain=true ;;
    --hold) hold=${2:-} only_plain=true ;;
    --control) control=${2:-} only_plain=true ;;
    --mutate)
      only_mutate=true
      if [[ ${2:-} =~ ^[0-9]+$ ]]; then mutate_calls=$2 && shift; fi
      ;;
    --seed) mutate_seed=${2:-} ;;
    --first) mutate_first=${2:-} ;;
    --drain) only_drain=true ;;
    --doctor) only_doctor=true ;;
    --expect-fail) expect_fail=true ;;
    *) usage "run.sh [--kamailio 6.0|5.6|both] [--calls N] [--rate R] [--hold S] [--control udp|unix] [--drain|--doctor|--mutate [N]|--expect-fail]" ;;
  esac
  [[ $option == --expect-fail || $option == --drain || $option == --doctor || $option == --mutate ]] || shift
  shift || usage "run.sh: an option lacks its value"
done
case $versions in
  both) versions="6.0 5.6" ;;
  6.0 | 5.6) ;;
  *) usage "run.sh --kamailio 6.0|5.6|both" ;;
esac

need_root
need_commands sipp=sip-tester gcc=gcc make=make ip=iproute2 nft=nftables ss=iproute2 chrt=util-linux
[[ -x $LRKPROXY ]] || fail "no $LRKPROXY: run tools/deno.sh task compile"
DENO=$(find_deno)
LOGS=$(mktemp -d "${TMPDIR:-/tmp}/lrkproxy-acceptance.XXXXXX")

finish() {
  local status=$?
  tear_down
  drop_logs "$status"
}
trap finish EXIT

# In memory: SIPp writes down each step of each call, and rtp_peer must not wait for a disk to read it.
mount -t tmpfs -o mode=700 lrkproxy-acceptance "$LOGS"
# From a folder that holds nothing else: the program is this one file.
install -D -m 755 "$LRKPROXY" "$LOGS/program/lrkproxy"
LRKPROXY=$LOGS/program/lrkproxy
bash "$ACCEPTANCE/roots.sh" "${versions/6.0 5.6/both}"
make -s -C "$TOP/tests/tools" OUT="$LOGS/tools" rtp_peer
make_topology

if $expect_fail; then
  stage_of_a_dying_relay
elif $only_doctor; then
  stage_of_doctor
elif $only_mutate; then
  for version in $versions; do
    stage_of_mutations "$version"
  done
elif $only_drain; then
  for version in $versions; do
    stage_of_drain "$version"
  done
elif $only_plain; then
  for version in $versions; do
    stage "$version" "${control:-udp}" plain "$calls" "$rate" "$hold"
  done
else
  for version in $versions; do
    stage_for_ci "$version"
  done
  [[ $versions != "6.0 5.6" ]] || stage_of_doctor
fi

((failures == 0)) || fail "$failures checks"
say "all calls as they should be"
