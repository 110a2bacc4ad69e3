# Runs SIPp and rtp_peer against the relay machine and has the result judged. Sourced by run.sh.
# shellcheck shell=bash

# What of the media may be lost, by scenario.
media_of() {
  case $1 in
    nat | nat-private) echo learning ;;
    reinvite) echo moving ;;
    *) echo steady ;;
  esac
}

# How many relay machines calls may go to.
relays=1

# check NAME COMMAND…: one result line, and a mark for the end.
check() {
  local name=$1
  shift
  if "$@"; then
    say "  ok    $name"
  else
    say "  FAIL  $name"
    failures=$((failures + 1))
  fi
}

# sipp SIDE NAMESPACE IP SCENARIO-FILE OPTIONS…: its pid in $started. The Call-ID says "audio" because
# SIPp prints a call's media port only on a line that does.
sipp() {
  local side=$1 ns=$2 ip=$3 file=$4
  shift 4
  # SIPp writes its statistics into the folder it runs in.
  # shellcheck disable=SC2016  # the dollars are the inner shell's
  start "$side-sipp" "$ns" sh -c 'cd "$1" && shift && exec sipp "$@"' sh "$run" "$@" \
    -sf "$ACCEPTANCE/scenarios/$file.xml" -i "$ip" -p 5060 -mi "$ip" -mp 10000 -m "$n" \
    -trace_logs -log_file "$run/$side.commands" -log_overwrite true -trace_err -nostdin
}

callee() {
  sipp callee "$CALLEE" 192.0.2.20 "$(scenario_file uas "$1")"
  callee_pid=$started
  wait_for 5 "the callees to listen" callee_listens
}

# caller SCENARIO OPTIONS…
caller() {
  local scenario=$1 ns=$CALLER ip=10.10.1.10 sdp_ip=10.10.1.10
  shift
  if [[ $scenario == nat* ]]; then ns=$PHONE ip=10.99.0.2; fi
  if [[ $scenario == nat-private ]]; then sdp_ip=10.99.0.2; fi
  sipp caller "$ns" "$ip" "$(scenario_file uac "$scenario")" 10.10.1.1:5060 \
    -key callee 192.0.2.20 -key sdp_ip "$sdp_ip" -cid_str "audio-%u-$scenario-%p" "$@"
  caller_pid=$started
}

# rtp SIDE NAMESPACE: the media of the side, which follows what SIPp logs. It measures, so it must
# not wait for a turn behind what it measures: hence real-time priority.
rtp() {
  : >"$run/$1.commands"
  start "$1-rtp" "$2" chrt --rr 1 "$LOGS/tools/rtp_peer" "$1" "$run/$1.commands" "$run/$1.report"
  rtp_pids+=("$started")
}

# sipp_done SIDE PID SECONDS: true when SIPp ended by itself and counts every call a success.
sipp_done() {
  wait_for "$3" "the $1s" gone "$2" && wait "$2"
}

begin_run() {
  run=$stage/$1
  mkdir -p "$run"
}

# calls_of SCENARIO CALLS RATE HOLD [COMMAND]: makes the calls, runs COMMAND in mid-call, judges.
calls_of() {
  local scenario=$1 n=$2 rate=$3 hold=$4 during=${5:-} callee_pid caller_pid rtp_pids=() pid
  begin_run "$scenario"
  say "$scenario: $n calls at $rate/s, held for ${hold} s"

  rtp callee "$CALLEE"
  rtp caller "$(if [[ $scenario == nat* ]]; then echo "$PHONE"; else echo "$CALLER"; fi)"
  callee "$scenario"
  caller "$scenario" -r "$rate" -l "$n" -d $((hold * 1000)) -trace_rtt -rtt_freq 1
  [[ -z $during ]] || $during "$n"

  check "SIP: callers" sipp_done caller "$caller_pid" $((n / rate + 2 * hold + 40))
  check "SIP: callees" sipp_done callee "$callee_pid" 10
  for pid in "${rtp_pids[@]}"; do
    stop "$pid" 10 || true
  done
  "$DENO" run --quiet --allow-read="$run" "$ACCEPTANCE/judge.ts" "$run" "$n" "$(media_of "$scenario")" "$ending" "$relays" ||
    failures=$((failures + 1))
}

# sip_only SCENARIO: one call that never comes to media.
sip_only() {
  local n=1 callee_pid caller_pid
  begin_run "$1"
  callee "$1"
  caller "$1"
  check "$1: caller" sipp_done caller "$caller_pid" 15
  check "$1: callee" sipp_done callee "$callee_pid" 10
}

# refused WHAT C-LINE OPTIONS…: an INVITE that Kamailio must keep from its module.
refused() {
  local n=1 caller_pid
  begin_run "refused-$1"
  caller refused -key c_line "$2" "${@:3}"
  check "refused: $1" sipp_done caller "$caller_pid" 15
}

callee_listens() { [[ -n $(in_ns "$CALLEE" ss -Hlun 'sport = :5060') ]]; }

# scenario_file uac|uas SCENARIO: most scenarios differ from a plain call on one side only.
scenario_file() {
  local name=$1_${2//-/_}
  [[ $2 == nat-private ]] && name=$1_nat
  [[ -f $ACCEPTANCE/scenarios/$name.xml ]] || name=$1
  echo "$name"
}
