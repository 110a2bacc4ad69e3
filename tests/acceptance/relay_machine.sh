# The two programs on the relay machine: lrkproxy and Kamailio in its chroot. Sourced after topology.sh.
# shellcheck shell=bash

LRKPROXY=${LRKPROXY:-$TOP/dist/lrkproxy}
lrkproxy_pid=0
kamailio_pid=0
# Sockets of engines beside the one under test, for Kamailio's set.
more_engines=""

# write_lrkproxy_config UDP-PORT
write_lrkproxy_config() {
  cat >"$stage/lrkproxy.ini" <<EOF
[kernel]
start_port : 20000
end_port : 30000
internal_ip : 10.10.1.1
external_ip : 192.0.2.1
[UDP socket]
socket_udp_host : 127.0.0.1
socket_udp_port : $1
allow : 127.0.0.0/8, 10.88.0.1
[UNIX socket]
listen : $stage/control.sock
[admin]
socket : $stage/admin.sock
EOF
}

lrkproxy() { in_ns "$RELAY" "$LRKPROXY" "$@" --config "$stage/lrkproxy.ini"; }

lrkproxy_ready() { tail -c +"$1" "$stage/lrkproxy.out" | grep -q ready; }

start_lrkproxy() {
  local run=$stage from
  from=$(($(stat -c %s "$stage/lrkproxy.out" 2>/dev/null || echo 0) + 1))
  start lrkproxy "$RELAY" "$LRKPROXY" run --config "$stage/lrkproxy.ini"
  lrkproxy_pid=$started
  wait_for 10 "lrkproxy to serve" lrkproxy_ready "$from"
}

crash_lrkproxy() {
  kill -KILL "$lrkproxy_pid"
  # Its end is wanted: "wait" takes it in without the shell's notice.
  wait "$lrkproxy_pid" 2>/dev/null || true
}

# The number of sessions that lrkproxy reports, or nothing if it does not answer.
session_count() {
  lrkproxy sessions --json 2>/dev/null | "$DENO" eval --quiet \
    'const text = await new Response(Deno.stdin.readable).text(); console.log(JSON.parse(text).sessions.length);' \
    2>/dev/null || true
}

sessions_are() { [[ $(session_count) == "$1" ]]; }

# no_flow MAP: the kernel's map exists and is empty.
no_flow() {
  local listing
  listing=$(in_ns "$RELAY" nft list map ip lrkproxy "$1" 2>/dev/null) && [[ $listing != *elements* ]]
}

# start_kamailio VERSION CONTROL-SOCKET DEFINE UDP-PORT
start_kamailio() {
  local version=$1 control=$2 define=${3:-UNUSED} root run=$stage
  local engines="10.10.1.1 192.0.2.1 127.0.0.1:$4"
  root=$(root_of_suite "$(suite_of_version "$version")")
  cp "$ACCEPTANCE/kamailio.cfg" "$ACCEPTANCE/lrkproxy.cfg" "$stage/"
  if [[ -n $more_engines ]]; then
    engines+=";$MORE_ENGINES"
    sed -i "s/udp:127.0.0.1:5061/$SECOND_TELL_FROM/" "$stage/kamailio.cfg"
  fi
  # "ip netns exec" brings its own mount namespace: the bind mount goes when Kamailio goes.
  # shellcheck disable=SC2016  # the dollars are the inner shell's
  start kamailio "$RELAY" sh -c 'mount --bind "$1" "$2/mnt" && exec chroot "$2" kamailio -DD -E -m "${KAMAILIO_MB:-64}" -M 8 \
    -f /mnt/kamailio.cfg -A "CONTROL=\"$3\"" -A "ENGINES=\"$4\"" -A "$5" -P /mnt/kamailio.pid -Y /mnt' \
    sh "$stage" "$root" "$control" "$engines" "$define"
  kamailio_pid=$started
  wait_for 15 "Kamailio to listen" kamailio_listens
}

kamailio_listens() {
  [[ $(in_ns "$RELAY" ss -Hlun 'sport = :5060' | grep -c -e 10.10.1.1: -e 192.0.2.1:) -ge 2 ]]
}

# Kamailio logs a worker that a signal ended, and the main process then takes all down.
kamailio_is_well() {
  alive "$kamailio_pid" && ! grep -qE 'exited by a signal|core was|BUG: qm_|Segmentation' "$stage/kamailio.out"
}
