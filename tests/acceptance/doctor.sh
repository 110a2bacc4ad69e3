# What the doctor says beside real Kamailios. Sourced after relay_machine.sh and stages.sh.
# shellcheck shell=bash

# finding ID SEVERITY PATTERN: some finding of the doctor is such a one.
finding() {
  # It ends with 1 where something fails, as it should in some of these cases.
  { lrkproxy doctor --json || true; } | "$DENO" eval --quiet '
    const [id, severity, pattern] = Deno.args;
    const { findings } = JSON.parse(await new Response(Deno.stdin.readable).text());
    const own = findings.filter((each) => each.id === id);
    const found = own.some((each) => each.severity === severity && new RegExp(pattern).test(each.what));
    if (!found) console.error(JSON.stringify(own));
    Deno.exit(found ? 0 : 1);' "$@"
}

# start_five CONTROL-SOCKET VERB: a Kamailio 5.6 beside the one of the stage, for SIP on another port, which sends VERB
# where a call ends; its pid in $five.
start_five() {
  local root run=$stage/five
  root=$(root_of_suite bookworm)
  mkdir -p "$run"
  sed "s/:5060\$/:5070/; s/:5061!/:5071!/" "$ACCEPTANCE/kamailio.cfg" >"$run/kamailio.cfg"
  sed "s/\"- D /\"- $2 /" "$ACCEPTANCE/lrkproxy.cfg" >"$run/lrkproxy.cfg"
  # shellcheck disable=SC2016  # the dollars are the inner shell's
  start kamailio "$RELAY" sh -c 'mount --bind "$1" "$2/mnt" && exec chroot "$2" kamailio -DD -E -m 64 -M 8 \
    -f /mnt/kamailio.cfg -A "CONTROL=\"$3\"" -P /mnt/kamailio.pid -Y /mnt' sh "$run" "$root" "$1"
  five=$started
  wait_for 15 "Kamailio 5.6 to listen" five_listens
}

five_listens() { [[ $(in_ns "$RELAY" ss -Hlun 'sport = :5070') == *192.0.2.1:* ]]; }

# A 6.0 with calls, and a 5.6 beside it: right at first, then with a wrong port.
stage_of_doctor() {
  local five six
  bash "$ACCEPTANCE/roots.sh" both
  begin_stage 6.0 udp DOCTOR
  six=$kamailio_pid
  calls_of plain 2 2 1
  check "doctor: 6.0 says when calls end, and D has come" \
    finding kamailio.stale_limit ok "^Kamailio 6\.0\S* \(pid $six\).*\(2 D have come"
  check "doctor: 6.0 names this daemon in its own file, in its own root" \
    finding kamailio.socket ok "^Kamailio 6\.0\S* \(pid $six\), /mnt/kamailio\.cfg: names .*last command"
  check "doctor: 6.0 has the guards" finding kamailio.guard ok "\(pid $six\).*keeps from the module"
  start_five udp:127.0.0.1:8080 D || fail "Kamailio 5.6 does not start: $stage/five"
  check "doctor: 5.6 beside it says by its script when calls end" \
    finding kamailio.stale_limit ok "^Kamailio 5\.6\S* \(pid $five\).*says when calls end"
  check "Kamailio 5.6 ends when asked" stop "$five" 15
  start_five udp:127.0.0.1:8080 X || fail "Kamailio 5.6 does not start: $stage/five"
  check "doctor: 5.6 beside it never sends D" \
    finding kamailio.stale_limit fail "^Kamailio 5\.6\S* \(pid $five\).*never sends D"
  check "doctor: 6.0 still says when calls end" finding kamailio.stale_limit ok "^Kamailio 6\.0\S* \(pid $six\)"
  check "Kamailio 5.6 ends when asked" stop "$five" 15
  start_five udp:127.0.0.1:9999 D || fail "Kamailio 5.6 does not start: $stage/five"
  check "doctor: a wrong port by -A is named" \
    finding kamailio.socket warn "^Kamailio 5\.6\S* \(pid $five\).*udp:127\.0\.0\.1:9999"
  check "Kamailio 5.6 ends when asked" stop "$five" 15
  end_stage
}
