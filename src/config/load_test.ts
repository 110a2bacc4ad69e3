import assert from "node:assert/strict";
import fc from "fast-check";
import type { Config } from "./config.ts";
import { formatErrors, loadConfigText, readConfig } from "./load.ts";

function load(text: string): Config {
  const result = loadConfigText(text, "x.ini");
  assert.ok(result.ok, result.ok ? "" : formatErrors(result.error));
  return result.value;
}

function errorsOf(text: string): string {
  const result = loadConfigText(text, "x.ini");
  return result.ok ? "" : formatErrors(result.error);
}

const MINIMAL = "[kernel]\ninternal_ip = 192.0.2.10\n";

// What pylrkproxy writes when it finds no file of its own.
const LEGACY = `[kernel]
start_port : 20000
end_port : 40000
current_port : 20000
internal_ip : 192.168.10.10

;not finished yet
external_ip : 192.168.10.10

[UDP socket]
socket_udp_host = 0.0.0.0
socket_udp_port = 22333

[Cache]
save_call_cache = False

[UNIX socket]
forward_to = /root/sock

[logger]
log_to_file = True
log_to_console = False

`;

Deno.test("loadConfigText() gives the defaults when only the address is set", () => {
  const { controlAllow, session, ...config } = load(MINIMAL);
  assert.deepEqual(controlAllow.map(({ text }) => text), ["127.0.0.0/8", "::1/128"]);
  assert.deepEqual(session, {
    timeoutSeconds: 60,
    staleLimitSeconds: 3600,
    unheardLimitSeconds: 180,
    learning: "once",
    relearnConfirmSeconds: 3,
    liveWindowSeconds: 5,
    refuse: [],
  });
  assert.deepEqual(config, {
    instances: [{
      name: "default",
      udp: { host: "127.0.0.1", port: 8080 },
      unix: null,
      internalIp: "192.0.2.10",
      externalIp: "192.0.2.10",
      internalLocal: "192.0.2.10",
      externalLocal: "192.0.2.10",
      startPort: 20000,
      endPort: 30000,
      currentPort: 20000,
    }],
    receiveBufferBytes: 8388608,
    adminSocket: "/run/lrkproxy/admin.sock",
    metrics: { listen: null },
    interfaces: "auto",
    maxSessions: 25000,
    log: { file: null, console: true, level: "info" },
    logCalls: false,
    notes: [],
    addressLines: { default: { internal: 2, external: null, internalIp: 2, externalIp: null } },
    paths: { mode: "auto", thresholds: { packetsPerSecond: 20_000, softirqPercent: 25 } },
  });
});

Deno.test("loadConfigText() loads the legacy file as it is", () => {
  const config = load(LEGACY);
  assert.deepEqual(config.instances, [{
    name: "default",
    udp: { host: "0.0.0.0", port: 22333 },
    unix: null,
    internalIp: "192.168.10.10",
    externalIp: "192.168.10.10",
    internalLocal: "192.168.10.10",
    externalLocal: "192.168.10.10",
    startPort: 20000,
    endPort: 40000,
    currentPort: 20000,
  }]);
  assert.deepEqual(config.log, {
    file: "/var/log/lrkproxy/lrkproxy.log",
    console: false,
    level: "info",
  });
  assert.equal(config.controlAllow.length, 2);
  assert.match(config.notes.join("\n"), /^\[UNIX socket\] forward_to .*\nCommands are taken/);
});

Deno.test("loadConfigText() takes the legacy spellings of values", () => {
  const config = load(`[kernel]
    internal_ip = 192.168.10.226
    external_ip = "192.168.10.227"
    Start_Port = '20000'
    [Cache]
    save_call_cache = TRUE
    [logger]
    log_level = NOTSET
    log_directory = /var/log/pylrkproxy/
    log_file_name = pylrkproxy.log
    log_to_file = true
  `);
  assert.equal(config.instances[0]?.externalIp, "192.168.10.227");
  assert.equal(config.log.file, "/var/log/pylrkproxy/pylrkproxy.log");
  assert.equal(config.log.level, "debug");
  assert.match(config.notes.join("\n"), /^\[Cache\] save_call_cache is not used/);
});

Deno.test("loadConfigText() reads every key that is given", () => {
  const config = load(`[kernel]
internal_ip : 10.10.1.1 ; the inner network
external_ip : 198.51.100.7
external_local : 10.20.0.1
start_port : 30000
end_port : 31000
current_port : 30500
interfaces : eth0, eth1.20 veth-b
max_sessions : 100000
[UDP socket]
socket_udp_host : 2001:db8::1
socket_udp_port : 0
allow : 10.0.0.0/8,
        2001:db8::/32
receive_buffer : 65536
[UNIX socket]
listen : /tmp/x/control.sock
mode : 600
[admin]
socket : /tmp/x/admin.sock
[session]
timeout : 30
stale_limit : 30
unheard_limit : 10
learning : Never
relearn_confirm : 1
live_window : 2
refuse : 198.51.100.0/24
`);
  assert.deepEqual(config.instances, [{
    name: "default",
    udp: null,
    unix: { path: "/tmp/x/control.sock", mode: 0o600 },
    internalIp: "10.10.1.1",
    externalIp: "198.51.100.7",
    internalLocal: "10.10.1.1",
    externalLocal: "10.20.0.1",
    startPort: 30000,
    endPort: 31000,
    currentPort: 30500,
  }]);
  assert.deepEqual(config.interfaces, ["eth0", "eth1.20", "veth-b"]);
  assert.equal(config.maxSessions, 100_000);
  assert.equal(config.receiveBufferBytes, 65536);
  assert.deepEqual(config.controlAllow.map(({ text }) => text), ["10.0.0.0/8", "2001:db8::/32"]);
  assert.equal(config.adminSocket, "/tmp/x/admin.sock");
  assert.equal(config.session.learning, "never");
  assert.deepEqual(config.session.refuse.map(({ text }) => text), ["198.51.100.0/24"]);
});

Deno.test("loadConfigText() lets an instance inherit what it does not set", () => {
  const { instances } = load(`[kernel]
internal_ip = 203.0.113.5
internal_local = 10.0.0.5
external_ip = 198.51.100.5
external_local = 10.1.0.5
[UDP socket]
socket_udp_host = ::1
[UNIX socket]
mode = 0600
[instance ports]
control_port = 8081
start_port = 30004
end_port = 40000
[instance inner]
listen = /run/inner.sock
control_host = 127.0.0.1
internal_ip = 10.0.0.6
external_ip = 10.1.0.6
[instance outer]
control_port = 8083
internal_ip = 10.0.0.7
start_port = 50000
end_port = 60000
current_port = 50010
`);
  const rows = instances.map((each) =>
    [
      each.name,
      each.udp === null ? "-" : `${each.udp.host} ${each.udp.port}`,
      each.unix === null ? "-" : `${each.unix.path} ${each.unix.mode.toString(8)}`,
      `${each.internalIp} ${each.internalLocal} ${each.externalIp} ${each.externalLocal}`,
      `${each.startPort} ${each.endPort} ${each.currentPort}`,
    ].join(" | ")
  );
  assert.deepEqual(rows, [
    "default | ::1 8080 | - | 203.0.113.5 10.0.0.5 198.51.100.5 10.1.0.5 | 20000 30000 20000",
    "ports | ::1 8081 | - | 203.0.113.5 10.0.0.5 198.51.100.5 10.1.0.5 | 30004 40000 30004",
    "inner | - | /run/inner.sock 600 | 10.0.0.6 10.0.0.6 10.1.0.6 10.1.0.6 | 20000 30000 20000",
    "outer | ::1 8083 | - | 10.0.0.7 10.0.0.7 198.51.100.5 10.1.0.5 | 50000 60000 50010",
  ]);
});

Deno.test("loadConfigText() knows where metrics are to be served", () => {
  const cases = [
    ["listen =", null],
    ["listen = /run/m.sock", { path: "/run/m.sock", mode: 0o660 }],
    ["listen = /run/m.sock\nmode = 0600", { path: "/run/m.sock", mode: 0o600 }],
    ["listen = 127.1.2.3:9477", { host: "127.1.2.3", port: 9477 }],
    ["listen = localhost:1", { host: "127.0.0.1", port: 1 }],
    ["listen = [::1]:65535", { host: "::1", port: 65535 }],
  ] as const;
  for (const [lines, listen] of cases) {
    assert.deepEqual(load(`${MINIMAL}[metrics]\n${lines}\n`).metrics, { listen }, lines);
  }
});

Deno.test("loadConfigText() uses the internal address where no external one is set", () => {
  const [only] = load("[kernel]\ninternal_ip = 203.0.113.5\ninternal_local = 10.0.0.5\n").instances;
  assert.equal(only?.externalIp, "203.0.113.5");
  assert.equal(only?.externalLocal, "10.0.0.5");
});

Deno.test("loadConfigText() makes no default instance without [kernel] internal_ip", () => {
  const { instances, notes } = load(
    "[UDP socket]\nsocket_udp_port = 9\n[instance a]\ninternal_ip = 192.0.2.1\ncontrol_port = 9\n",
  );
  assert.deepEqual(instances.map(({ name }) => name), ["a"]);
  assert.match(notes.join("\n"), /^\[UDP socket\] socket_udp_port and .* are not used/);
});

Deno.test("loadConfigText() notes a range that Kamailio may run out of into the next", () => {
  const text = (start: number) =>
    MINIMAL + `[instance b]\ncontrol_port = 8081\nend_port = 40000\nstart_port = ${start}\n`;
  assert.match(load(text(30001)).notes.join("\n"), /^Leave 4 ports free between \[kernel\]/);
  assert.match(load(text(30004)).notes.join("\n"), /^Leave 4 ports free between \[kernel\]/);
  assert.deepEqual(load(text(30005)).notes, []);
});

Deno.test("loadConfigText() notes that only this machine may send commands", () => {
  const text = (lines: string) => `${MINIMAL}[UDP socket]\n${lines}\n`;
  const note = /Commands are taken from this machine only/;
  assert.match(load(text("socket_udp_host = ::")).notes.join(), note);
  assert.doesNotMatch(
    load(text("socket_udp_host = 0.0.0.0\nallow = 10.0.0.0/8")).notes.join(),
    note,
  );
  assert.doesNotMatch(load(text("socket_udp_host = LocalHost")).notes.join(), note);
  assert.doesNotMatch(load(text("socket_udp_host = ::1")).notes.join(), note);
});

Deno.test("loadConfigText() refuses a wrong value with its line and what is allowed", () => {
  const cases = [
    ["kernel", "start_port = 1023", /"1023" is too small; allowed: .* from 1024 to 65534/],
    ["kernel", "end_port = 65535", /"65535" is too large; allowed: .* from 1024 to 65534/],
    ["kernel", "start_port = 2e4", /"2e4" is not a whole number/],
    ["kernel", "start_port =", /"" is not a whole number/],
    ["kernel", "start_port = 20000\n  end_port = 30000", /indented deeper than its key/],
    [
      "kernel",
      "start_port = 20000 # first",
      /"20000 # first" is not a whole number \(inside a line, only ; starts/,
    ],
    ["kernel", "external_ip = 2001:db8::1", /is not an IPv4 address/],
    ["kernel", "external_ip = 010.0.0.1", /is not an IPv4 address/],
    ["kernel", "external_ip = 127.0.0.1", /is a loopback address: phones would/],
    ["kernel", "external_local = 224.0.0.1", /is a multicast address/],
    ["kernel", "external_ip = 255.255.255.255", /is the broadcast address/],
    ["kernel", "external_ip = 0.0.0.0", /is no address of a host/],
    ["kernel", 'external_ip = "192.0.2.1', /is not an IPv4 address/],
    ["kernel", "interfaces = eth0, a-name-that-is-too-long", /names "a-name-that-is-too-long"/],
    ["kernel", "interfaces =", /names no interface; allowed: auto, or/],
    ["kernel", "max_sessions = 100001", /is too large; allowed: a whole number from 1 to 100000/],
    ["UDP socket", "socket_udp_host = 300.1.1.1", /is neither an address nor a host name/],
    ["UDP socket", "socket_udp_host = a b", /is neither an address nor a host name/],
    ["UDP socket", "socket_udp_port = 70000", /allowed: a port from 1 to 65535, or 0/],
    ["UDP socket", "allow = 10.0.0.0/8, host", /"host" is not a network/],
    ["UNIX socket", "listen = run/x", /is not an absolute path/],
    ["UNIX socket", `listen = /${"x".repeat(106)}`, /is too long; allowed: .* 106 bytes/],
    ["UNIX socket", "mode = 0680", /is not an octal file mode/],
    ["admin", "socket =", /is not an absolute path/],
    ["metrics", "listen = 9477", /is neither a path nor ADDRESS:PORT; allowed: the path of/],
    ["metrics", "listen = 0.0.0.0:9477", /is no loopback address, .*: let a reverse proxy/],
    ["metrics", "listen = [2001:db8::1]:9477", /is no loopback address/],
    ["metrics", "listen = ::1:9477", /is neither a path nor ADDRESS:PORT/],
    ["metrics", "listen = metrics.example:9477", /names no IPv4 address/],
    ["metrics", "listen = 127.0.0.1:0", /has no port from 1 to 65535/],
    ["metrics", "listen = 127.0.0.1:65536", /has no port from 1 to 65535/],
    ["metrics", `listen = /${"x".repeat(107)}`, /is too long/],
    ["session", "learning = always", /is none of the words .*; allowed: once or never/],
    ["session", "timeout = 0", /is too small/],
    ["logger", "log_to_file = yes", /allowed: True or False/],
    ["logger", "log_level = toString", /allowed: debug, info, warning or error/],
    ["logger", "log_file_name = ../x", /is not a file name/],
  ] as const;
  for (const [section, line, expected] of cases) {
    const header = section === "kernel" ? "" : `[${section}]\n`;
    const errors = errorsOf(`${MINIMAL}${header}${line}\n`);
    assert.match(errors, expected, line);
    assert.ok(errors.startsWith(`x.ini:${header === "" ? 3 : 4}: [${section}] `), errors);
    assert.equal(errors.split("\n").length, 2, errors);
  }
});

Deno.test("loadConfigText() refuses what it does not know and guesses what was meant", () => {
  const cases = [
    [
      "[kernel]\nstart_prot = 1",
      /x\.ini:2: \[kernel\] start_prot: unknown key \(did you mean "start_port"\?\); keys of this section: /,
    ],
    ["[session]\nstart_port = 1", /x\.ini:2: .* unknown key \(it belongs in \[kernel\]\)/],
    ["[kernel]\ncontrol_port = 1", /unknown key \(it belongs in \[instance NAME\]\)/],
    ["[udp socket]", /x\.ini:1: unknown section \[udp socket\] \(did you mean "UDP socket"\?\)/],
    ["[web]", /x\.ini:1: unknown section \[web\]; sections: kernel, UDP socket, /],
    ["[instance]", /an instance is \[instance NAME\]/],
    ["[instance a b]", /an instance is \[instance NAME\]/],
    ["[kernel]\nconstructor = 1", /unknown key/],
    ["[DEFAULT]\ntimeout = 5\n[kernel]", /x\.ini:2: \[DEFAULT\] timeout: no section of this file/],
  ] as const;
  for (const [text, expected] of cases) assert.match(errorsOf(text), expected, text);
});

Deno.test("loadConfigText() refuses values that do not fit together", () => {
  const named = "[instance b]\ncontrol_port = 8081\nstart_port = 40000\nend_port = 50000\n";
  const cases = [
    ["", /^x\.ini: \[kernel\] internal_ip is not set/],
    ["[kernel]\nend_port = 25000", /^x\.ini:1: \[kernel\] internal_ip is not set/],
    [`${MINIMAL}start_port = 30000`, /end_port: 30000 is not above start_port, which is 30000/],
    [`${MINIMAL}end_port = 20002`, /^x\.ini:3: .* 20000 to 20002 is too few: a call takes 4/],
    [`${MINIMAL}current_port = 30001`, /^x\.ini:3: .* 30001 is not in 20000 to 30000/],
    [`${MINIMAL}[UDP socket]\nsocket_udp_port = 0`, /^x\.ini:4: .* nobody can send it commands/],
    [`${MINIMAL}[session]\nstale_limit = 59`, /^x\.ini:4: .* 59 is below timeout, which is 60/],
    [`${MINIMAL}[session]\ntimeout = 4`, /^x\.ini:4: .* live_window: 5 is above timeout/],
    ["[instance b]\ncontrol_port = 81", /^x\.ini:1: \[instance b\] internal_ip is not set, and/],
    [`${MINIMAL}[instance b]\nstart_port = 40000\nend_port = 50000`, /^x\.ini:3: .* nobody can/],
    [
      `${MINIMAL}[UNIX socket]\nlisten = /run/lrkproxy/admin.sock`,
      /^x\.ini:4: \[admin\] socket: .* is the control socket of \[kernel\] too/,
    ],
    [`${MINIMAL}[metrics]\nlisten = /run/lrkproxy/admin.sock`, /^x\.ini:4: .* of \[admin\] too/],
    [
      `${MINIMAL}[UNIX socket]\nlisten = /a\n[metrics]\nlisten = /a`,
      /^x\.ini:6: \[metrics\] listen: \/a is the control socket of \[kernel\] too/,
    ],
    [
      `${MINIMAL}[instance b]\nlisten = /b\nstart_port = 30000\nend_port = 30100`,
      /^x\.ini:5: \[instance b\] ports 30000 to 30100 on 192\.0\.2\.10 overlap with 20000 to/,
    ],
    [
      `${MINIMAL}[instance b]\nlisten = /b\ninternal_ip = 192.0.2.11\nexternal_local = 192.0.2.10`,
      /^x\.ini:3: .* on 192\.0\.2\.10 overlap/,
    ],
    [`${MINIMAL}[UNIX socket]\nlisten = /a\n${named}listen = /a`, /^x\.ini:9: .* \/a is taken by/],
    [
      `${MINIMAL}${named.replace("8081", "8080")}`,
      /^x\.ini:4: .* 8080 of 127\.0\.0\.1 is taken by/,
    ],
    [`${MINIMAL}${named.replace("8081", "8080")}control_host = localhost`, /is taken by/],
    [`${MINIMAL}${named.replace("8081", "8080")}control_host = 0.0.0.0`, /is taken by/],
    [`${MINIMAL}${named.replace("8081", "8080")}control_host = ::`, /is taken by/],
    [`${MINIMAL}${named.replace("8081", "8080")}control_host = ::1`, /^$/],
    [`${MINIMAL}${named.replace("8081", "8080")}control_host = 127.0.0.2`, /^$/],
    [`${MINIMAL}${named}`, /^$/],
  ] as const;
  for (const [text, expected] of cases) assert.match(errorsOf(text), expected, text);
});

Deno.test("loadConfigText() refuses a control port that the relay's own table would swallow", () => {
  const at = (host: string, port: number): string =>
    `${MINIMAL}[UDP socket]\nsocket_udp_host = ${host}\nsocket_udp_port = ${port}\nallow = 192.0.2.0/24\n`;
  const other = "[instance b]\ninternal_ip = 192.0.2.11\nlisten = /b\n" +
    "start_port = 40000\nend_port = 40100\n";
  const cases = [
    [at("0.0.0.0", 20001), /^x\.ini:5: \[kernel\] control port 20001 of 0\.0\.0\.0 is among .*127/],
    [at("::", 20001), /^x\.ini:5: .* is among/],
    [at("192.0.2.10", 30004), /^x\.ini:5: .* 20000 to 30004 on 192\.0\.2\.10/],
    [at("::ffff:192.0.2.10", 20001), /is among/],
    [at("192.0.2.10", 30005), /^$/],
    [at("192.0.2.10", 19999), /^$/],
    [at("192.0.2.11", 20001), /^$/],
    [at("127.0.0.1", 20001), /^$/],
    [at("localhost", 20001), /^$/],
    [at("2001:db8::1", 20001), /^$/],
    [`${at("0.0.0.0", 40050)}${other}`, /^x\.ini:5: \[kernel\] .* own ports of \[instance b\]/],
    [`${at("192.0.2.10", 40050)}${other}external_ip = 192.0.2.11\n`, /^$/],
    // Of a port that the file does not say, the range is to blame.
    [
      "[kernel]\ninternal_ip = 192.0.2.10\nstart_port = 8000\n[UDP socket]\nsocket_udp_host = ::\n" +
      "allow = 0.0.0.0/0",
      /^x\.ini:3: .* control port 8080/,
    ],
    // Only this machine may send commands, and does so to 127.0.0.1.
    [at("0.0.0.0", 20001).replace("192.0.2.0/24", "127.0.0.0/8 ::1"), /^$/],
    [at("192.0.2.10", 20001).replace("192.0.2.0/24", "127.0.0.0/8"), /is among/],
    // TCP is none of the relay's.
    [`${MINIMAL}[metrics]\nlisten = 127.0.0.1:20001\n`, /^$/],
  ] as const;
  for (const [text, expected] of cases) assert.match(errorsOf(text), expected, text);
});

Deno.test("loadConfigText() reports all errors in the order of their lines", () => {
  const errors = errorsOf(`[kernel]
start_port = many
nonsense
end_prot = 5
[session]
timeout = -1
[sesion]
[kernel]
`);
  const lines = errors.trimEnd().split("\n").map((line) => line.split(": ")[0]);
  assert.deepEqual(lines, ["x.ini:2", "x.ini:3", "x.ini:4", "x.ini:6", "x.ini:7", "x.ini:8"]);
});

Deno.test("loadConfigText() does not judge how values fit while one of them is wrong", () => {
  const errors = errorsOf(`${MINIMAL}start_port = x\nend_port = 2000\n`);
  assert.equal(errors.split("\n").length, 2, errors);
});

Deno.test("loadConfigText() gives the keys of [DEFAULT] to the sections that have them", () => {
  const { instances } = load(`[DEFAULT]
start_port = 40000
end_port = 41000
[kernel]
internal_ip = 192.0.2.10
[instance b]
control_port = 8081
internal_ip = 192.0.2.11
`);
  assert.deepEqual(instances.map(({ startPort, endPort }) => [startPort, endPort]), [
    [40000, 41000],
    [40000, 41000],
  ]);
});

Deno.test("loadConfigText() answers any text, with errors that lie inside it", () => {
  const key = fc.constantFrom(
    "start_port",
    "internal_ip",
    "allow",
    "listen",
    "timeout",
    "log_level",
  );
  const value = fc.oneof(
    fc.constantFrom("20000", "192.0.2.10", "/a", "", "10.0.0.0/8", "True", "a\n b"),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  const header = fc.constantFrom(
    "kernel",
    "UDP socket",
    "instance a",
    "instance b",
    "DEFAULT",
    "x",
  );
  const line = fc.oneof(
    fc.tuple(key, value).map(([name, text]) => `${name} = ${text}`),
    header.map((name) => `[${name}]`),
  );
  fc.assert(fc.property(fc.array(line), (lines) => {
    const text = lines.join("\n");
    const result = loadConfigText(text, "x.ini");
    const count = text.split(/\r\n|\r|\n/).length;
    assert.ok(result.ok || result.error.every((error) => (error.line ?? 1) <= count));
    assert.ok(result.ok || result.error.length > 0);
  }));
});

Deno.test("readConfig() reports a file that cannot be read", async () => {
  const result = await readConfig(new URL("./no-such-file.ini", import.meta.url).pathname);
  assert.ok(!result.ok);
  assert.match(formatErrors(result.error), /no-such-file\.ini: Cannot read the configuration: /);
});
