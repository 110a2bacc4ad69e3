# Mutated INVITEs and answers through a Kamailio. Sourced by run.sh, after stages.sh.
#
# Dialog INDEX of a seed is the same each time; by itself: run.sh --mutate 1 --seed SEED --first INDEX.
# shellcheck shell=bash

MUTATE=$ACCEPTANCE/mutate
# Dialogs a version, their seed, the first one's index, and how many are under way at once.
mutate_calls=5000 mutate_seed=1 mutate_first=0 mutate_at_once=64
mutate_starts=0
# How often Kamailio has made no calls any more.
breaks=0
# What has broken Kamailio this often will do it again.
MOST_BREAKS=20

# stage_of_mutations VERSION
stage_of_mutations() {
  mutate_version=$1 breaks=0
  begin_stage "$1" udp
  begin_run mutate
  say "mutated: $mutate_calls dialogs from $mutate_first on, seed $mutate_seed"
  mutated_callee
  mutated_calls
  # What no callee's answer has ended is sent again until Kamailio gives it up, every 4 s at last.
  check "Kamailio gives up what was not answered" wait_for 60 "silence" nothing_comes_for 5
  check "the callees end when asked" stop "$callee_pid" 20
  mutate_deno report.ts --allow-write="$run" -- "$run" "$mutate_seed" "$mutate_calls" || failures=$((failures + 1))
  sound_after_mutations
}

# nothing_comes_for SECONDS: no datagram reaches the callees meanwhile.
nothing_comes_for() {
  local before end=$((SECONDS + $1))
  before=$(callee_datagrams)
  while ((SECONDS < end)); do
    sleep 0.5
    [[ $(callee_datagrams) == "$before" ]] || return 1
  done
}

callee_datagrams() { in_ns "$CALLEE" awk '$1 == "Udp:" && $2 != "InDatagrams" { print $2 }' /proc/net/snmp; }

# mutate_deno PROGRAM OPTIONS… -- ARGUMENTS…
mutate_deno() {
  local program=$1 options=()
  shift
  while [[ $1 != -- ]]; do options+=("$1") && shift; done
  "$DENO" run --quiet --allow-read="$run" "${options[@]}" "$MUTATE/$program" "${@:2}"
}

mutated_callee() {
  start mutated-callee "$CALLEE" "$DENO" run --quiet --allow-net --allow-write="$run" \
    "$MUTATE/callee.ts" "$run/callee.jsonl" "$mutate_seed"
  callee_pid=$started
  wait_for 20 "the callees to listen" callee_listens
}

# mutated_caller INDEXES AT-ONCE: status 3 if Kamailio makes no calls any more.
mutated_caller() {
  mutate_starts=$((mutate_starts + 1))
  start mutated-caller "$CALLER" "$DENO" run --quiet --allow-net --allow-read="$run" --allow-write="$run" \
    "$MUTATE/caller.ts" "$run/caller.jsonl" "$mutate_seed" "$1" "$2" $((mutate_starts * 1000))
  wait "$started"
}

# All dialogs. When Kamailio makes no calls any more, the last ones are made again one by one, and then the others.
mutated_calls() {
  local next=$mutate_first last=$((mutate_first + mutate_calls - 1)) status
  while ((next <= last && breaks < MOST_BREAKS)); do
    status=0
    mutated_caller "$next-$last" "$mutate_at_once" || status=$?
    ((status != 0)) || return 0
    ((status == 3)) || fail "the callers: status $status, $run/mutated-caller.out"
    next=$(last_end next)
    kamailio_broke "one of dialogs $(last_end suspects)"
    find_the_culprit "$(last_end suspects)"
  done
}

# last_end next|suspects: of the caller's last report.
last_end() {
  grep '"event":"end"' "$run/caller.jsonl" | tail -n 1 | sed "s/.*\"$1\":\[\{0,1\}\([0-9,]*[0-9]\).*/\1/"
}

# kamailio_broke BY: a failure, what Kamailio says of it, and a new Kamailio.
kamailio_broke() {
  local pid core
  breaks=$((breaks + 1))
  check "Kamailio still makes calls: not after $1" false
  grep -aE 'exited by a signal|BUG: qm_|buffer overflow' "$stage/kamailio.out" | tail -n 5 || true
  mv "$stage/kamailio.out" "$stage/kamailio.out.$(date +%s.%N)"
  stop "$kamailio_pid" 3 || true
  # Workers that hang outlive the one that started them, and keep its sockets.
  for pid in $(ip netns pids "$RELAY"); do
    [[ $(quietly cat "/proc/$pid/comm") != kamailio ]] || kill -KILL "$pid"
  done
  wait_for 5 "Kamailio's workers to be gone" kamailio_is_silent
  kill -USR1 "$callee_pid"
  # Only the last one is kept: a core is as large as all of Kamailio's memory.
  core=$(root_of_suite "$(suite_of_version "$mutate_version")")/core
  [[ ! -e $core ]] || mv -f "$core" "$stage/core"
  start_kamailio "$mutate_version" udp:127.0.0.1:8080 "" 8080 || fail "Kamailio does not start: $stage/kamailio.out"
}

kamailio_is_silent() { [[ -z $(in_ns "$RELAY" ss -Hlun 'sport = :5060') ]]; }

# find_the_culprit INDEXES: one dialog at a time, a sound one after each; all of them, so that each has had its call.
find_the_culprit() {
  local rest=$1 status culprit
  while [[ -n $rest ]]; do
    status=0
    mutated_caller "$rest" 1 || status=$?
    if ((status != 3)); then
      say "        none of dialogs $rest does it alone"
      return 0
    fi
    culprit=$(last_end suspects)
    kamailio_broke "dialog $culprit alone"
    mutate_deno show.ts -- "$mutate_seed" "${culprit%%,*}" | grep -a '^=='
    rest=$(tr , '\n' <<<"$rest" | awk -v from="$(last_end next)" '$1 >= from' | paste -sd,)
  done
}

# Kamailio and lrkproxy are as they were: a plain call passes, nothing is left, nothing has crashed.
sound_after_mutations() {
  calls_of plain 2 2 2
  run=$stage/mutate
  wait_for 15 "the sessions to go" none_left || left_sessions
  end_stage
  check "lrkproxy has not crashed" lrkproxy_is_well
}

# The Call-IDs of what is left, and their dialogs.
left_sessions() {
  local call_ids=()
  lrkproxy sessions --json >"$run/left.json" || return 0
  mapfile -t call_ids < <("$DENO" eval --quiet '
    const { sessions } = JSON.parse(await new Response(Deno.stdin.readable).text());
    for (const { callId } of sessions.slice(0, 20)) console.log(callId);' <"$run/left.json")
  say "        left, at most 20 of them (after $breaks breaks; a Kamailio that broke has ended no calls):"
  mutate_deno show.ts -- "$mutate_seed" --of "${call_ids[@]}"
}

lrkproxy_is_well() { ! grep -qE 'panic|Uncaught|at file://|RangeError|TypeError' "$stage/lrkproxy.out"; }
