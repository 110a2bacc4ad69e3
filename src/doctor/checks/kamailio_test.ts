import assert from "node:assert/strict";
import { err, ok } from "../../base/result.ts";
import type { PeerView } from "../../control/admin.ts";
import type { Facts, KamailioFacts, KamailioProcess } from "../facts.ts";
import type { CheckId, Severity } from "../finding.ts";
import { preprocess } from "../kamailio/preprocess.ts";
import { parseScript } from "../kamailio/script.ts";
import { config, healthy, STATUS } from "../testing/healthy.ts";
import { examine } from "./all.ts";

const GUARDS = "if ($(ci{s.len}) > 48) exit; if ($bs > 900) exit; search_body('^c=');\n";

/** A configuration that sends to `socket`, with all that the module needs. */
function cfg(socket: string, rest = GUARDS): string {
  return `loadmodule "lrkproxy.so"\nmodparam("lrkproxy", "lrkproxy_sock", ${socket})\n` +
    `route { set_lrkproxy_set("0"); lrkproxy_manage("ie"); }\n${rest}`;
}

const OURS = '"udp:127.0.0.1:8080"';
const WRONG = '"udp:127.0.0.1:9999"';

function process(text: string, changes: Partial<KamailioProcess> = {}): KamailioProcess {
  const view = ok(parseScript(preprocess(text)));
  return {
    pid: 7,
    version: "6.0.1",
    defines: {},
    script: { path: "/k.cfg", view },
    startedMs: null,
    isOutdated: false,
    sharesNetwork: true,
    unixSockets: {},
    ...changes,
  };
}

function file(text: string, isAsked = false): KamailioFacts["file"] {
  return { path: "/file.cfg", view: ok(parseScript(preprocess(text))), isAsked };
}

/** What is there of Kamailio, and who has sent commands. */
function facts(
  { running = [], installed = null, file = null, peers = [], ended = 0, ...others }:
    & Partial<KamailioFacts>
    & { readonly peers?: readonly PeerView[]; readonly ended?: number }
    & Partial<Facts>,
): Facts {
  const close = peers.reduce((sum, peer) => sum + peer.close, 0);
  const relay = { ...STATUS.relay, ended: { command: ended } };
  const status = { ...STATUS, peers, relay, control: { close } };
  const { daemon } = healthy();
  return healthy({
    kamailio: { running, installed, file },
    daemon: { ...daemon, status: ok(status) },
    ...others,
  });
}

function peer(address: string, { open = 3, close = 0 } = {}): PeerView {
  return { instance: "default", address, lastSeconds: 40, configSeconds: null, open, close };
}

function expect(
  id: CheckId,
  given: Facts,
  expected: readonly (readonly [Severity, RegExp, RegExp?])[],
): void {
  const found = examine(given).filter((finding) => finding.id === id);
  const text = JSON.stringify(found, null, 1);
  assert.deepEqual(found.map(({ severity }) => severity), expected.map(([each]) => each), text);
  expected.forEach(([, says, remedy], i) => {
    assert.match(found[i]?.what ?? "", says);
    if (remedy) assert.match(found[i]?.remedy.join("\n") ?? "", remedy);
  });
}

Deno.test("checkKamailioSocket() goes by what runs, and says what has come", () => {
  const id = "kamailio.socket";
  expect(id, facts({ running: [process(cfg(OURS))], file: file(cfg(WRONG)) }), [
    ["ok", /^Kamailio 6\.0\.1 \(pid 7\), \/k\.cfg: names .*; no command has come in the 1 min/],
  ]);
  expect(id, facts({ running: [process(cfg(OURS))], peers: [peer("127.0.0.1")] }), [
    ["ok", /last command 40 s ago, from 127\.0\.0\.1$/],
  ]);
  expect(id, facts({ running: [process(cfg(WRONG))], file: file(cfg(OURS)) }), [
    [
      "fail",
      /is udp:127\.0\.0\.1:9999; no command/,
      /^modparam.*8080.* in \/k\.cfg or where it says udp:127\.0\.0\.1:9999 now.*\nrestart/,
    ],
  ]);
  const defines = { CONTROL: WRONG };
  expect(id, facts({ running: [process(cfg(WRONG), { defines })] }), [
    ["fail", /9999/, /-A 'CONTROL="udp:127\.0\.0\.1:8080"' in place of -A 'CONTROL=.*9999"'/],
  ]);
  expect(id, facts({ running: [process(cfg("NAME"))] }), [["warn", /cannot tell/, /modparam/]]);
  const changed = process(cfg(OURS), { isOutdated: true });
  expect(id, facts({ running: [changed] }), [["warn", /changed after/, /restart Kamailio/]]);
  const unread = process("", { script: { path: "/k.cfg", view: err("Cannot read /k.cfg") } });
  expect(id, facts({ running: [unread], file: file(cfg(OURS)) }), [["skip", /Cannot read/]]);
  const never = process(cfg(OURS).replace("set_lrk", "x"));
  expect(id, facts({ running: [never] }), [["fail", /never calls set_lrkproxy_set/]]);
  const python = process(
    'cfgengine "python"\nloadmodule "lrkproxy.so"\n' +
      `modparam("lrkproxy", "lrkproxy_sock", ${OURS})`,
  );
  expect(id, facts({ running: [python] }), [["ok", /names/]]);
});

Deno.test("checkKamailioSocket() names each of several Kamailios", () => {
  const running = [
    process(cfg(OURS)),
    process(cfg(WRONG), { pid: 8, version: "5.6.3" }),
    process("route {}", { pid: 9 }),
  ];
  expect("kamailio.socket", facts({ running }), [
    ["ok", /^Kamailio 6\.0\.1 \(pid 7\)/],
    ["warn", /^Kamailio 5\.6\.3 \(pid 8\).*9999/],
  ]);
});

Deno.test("checkKamailioSocket() looks for a Kamailio in a container at the daemon's own socket", () => {
  const id = "kamailio.socket";
  const unix = ok(config("", "[UNIX socket]\nlisten : /run/lrk.sock"));
  const elsewhere = { sharesNetwork: false };
  const text = cfg('"unix:/mnt/lrk.sock"');
  const alias = process(text, { ...elsewhere, unixSockets: { "/mnt/lrk.sock": "/run/lrk.sock" } });
  expect(id, facts({ running: [alias], config: unix }), [["ok", /pid 7.*names/]]);
  // Nothing ties these to this daemon: they are another relay's.
  const others = [process(text, elsewhere), process(cfg(OURS), elsewhere)];
  expect(id, facts({ running: others, config: unix }), [["ok", /no Kamailio on this machine/]]);
  const any = ok(config("", "[UDP socket]\nsocket_udp_host : 0.0.0.0"));
  const routed = process(cfg('"udp:10.10.1.1:8080"'), elsewhere);
  expect(id, facts({ running: [routed], config: any }), [["ok", /pid 7.*names/]]);
  const remote = process(cfg('"udp:198.51.100.7:8080"'));
  expect(id, facts({ running: [remote], config: any }), [["fail", /198\.51\.100\.7/]]);
});

Deno.test("checkKamailioSocket() says of a file that it is one, and of commands whence they come", () => {
  const id = "kamailio.socket";
  expect(id, facts({ file: file(cfg(OURS)) }), [["ok", /the file alone: no Kamailio is seen/]]);
  expect(id, facts({ file: file(cfg(WRONG)) }), [["fail", /the file alone.*9999/]]);
  expect(id, facts({ file: file(cfg(WRONG)), peers: [peer("127.0.0.1")] }), [
    ["warn", /9999; last command 40 s ago, from 127\.0\.0\.1/],
  ]);
  expect(id, facts({ running: [process(cfg(OURS))], file: file(cfg(WRONG), true) }), [
    ["ok", /pid 7/],
    ["warn", /^\/file\.cfg \(the file alone: what runs is another one\).*9999/],
  ]);
  expect(id, facts({ file: file("route {}"), peers: [peer("198.51.100.7")] }), [
    ["ok", /from a Kamailio on another machine, 198\.51\.100\.7 \(the last one 40 s ago/],
  ]);
  expect(id, facts({ peers: [peer("unix")] }), [["ok", /over a UNIX socket.*not seen here/]]);
  expect("kamailio.guard", facts({ peers: [peer("unix")] }), [["skip", /not seen here/]]);
});

Deno.test("checkGuards() looks at the routes that run", () => {
  const id = "kamailio.guard";
  expect(id, facts({ running: [process(cfg(OURS))], file: file(cfg(OURS, "")) }), [
    ["ok", /^Kamailio 6.*keeps from the module/],
  ]);
  expect(id, facts({ running: [process(cfg(OURS, ""))] }), [[
    "fail",
    /49 characters/,
    /SHOW_THE_MODULE/,
  ]]);
  expect(id, facts({ file: file("route {}") }), [["ok", /does not use/]]);
  const python = process('cfgengine "python"\nloadmodule "lrkproxy.so"');
  expect(id, facts({ running: [python] }), [["skip", /cfgengine/]]);
});

Deno.test("checkStaleLimit() asks what runs and what came, not what is in PATH", () => {
  const id = "kamailio.stale_limit";
  const six = process(cfg(OURS));
  const five = process(cfg(OURS), { pid: 8, version: "5.6.3" });
  const installed = "5.6.3";
  const closing = [peer("127.0.0.1", { open: 9, close: 5 })];
  expect(id, facts({ running: [six], installed, peers: closing }), [
    ["ok", /Kamailio 6\.0\.1 \(pid 7\), which runs, says when calls end \(5 D have come/],
  ]);
  expect(id, facts({ running: [six], installed }), [["ok", /6\.0\.1/]]);
  const told = 'sendx("sip:127.0.0.1:8080", "udp:127.0.0.1:5061", "- D ");\n';
  expect(id, facts({ running: [process(cfg(OURS) + told, { pid: 8, version: "5.6.3" })] }), [
    ["ok", /Kamailio 5\.6\.3 \(pid 8\), which runs, says when calls end/],
  ]);
  // Nobody is seen to run: what came is all that is known.
  expect(id, facts({ installed, peers: closing }), [["ok", /whoever sends.*5 D have come/]]);
  expect(id, facts({ installed, peers: [peer("127.0.0.1")] }), [["ok", /no Kamailio 5 is seen/]]);
  expect(id, facts({ installed }), [["warn", /in PATH is 5\.6\.3.*none is seen to run/, /: 60/]]);
  const unread = process(cfg(OURS), { version: null });
  expect(id, facts({ running: [unread], installed, peers: [peer("127.0.0.1")] }), [
    ["warn", /that of what runs cannot be read/],
  ]);
  expect(id, facts({ running: [five], installed: "6.0.1" }), [
    [
      "fail",
      /Kamailio 5\.6\.3 \(pid 8\), which runs, never sends D.* 3600 s/,
      /stale_limit : 60 in/,
    ],
  ]);
  expect(id, facts({ running: [six, five], peers: closing }), [
    ["ok", /6\.0\.1 \(pid 7\)/],
    ["fail", /5\.6\.3 \(pid 8\)/],
  ]);
  const other = process(cfg(WRONG), { pid: 8, version: "5.6.3" });
  expect(id, facts({ running: [six, other] }), [["ok", /6\.0\.1/]]);
  const short = ok(config("", "[session]\nstale_limit : 60"));
  expect(id, facts({ running: [five], config: short }), [["ok", /60 s/]]);
});

Deno.test("checkStaleLimit() suspects another machine that opens calls and never ends them", () => {
  const id = "kamailio.stale_limit";
  const given = facts({ peers: [peer("198.51.100.7", { open: 12, close: 0 })] });
  expect(id, given, [["ok", /no call has ended without D/]]);
  assert(given.daemon.status.ok);
  const relay = { ended: { silent: 4 } };
  const status = ok({ ...given.daemon.status.value, relay });
  expect(id, { ...given, daemon: { ...given.daemon, status } }, [
    ["warn", /198\.51\.100\.7 has sent 12 S and no D/, /stale_limit : 60/],
  ]);
});

Deno.test("checkKamailioSocket() names a Kamailio that was there before the daemon and opens no call", () => {
  const id = "kamailio.socket";
  const { nowMs } = healthy().clock;
  const [early, late] = [-90_000, -30_000].map((ms) =>
    process(cfg(OURS), { startedMs: nowMs + ms })
  );
  assert(early && late);
  const ending = [peer("127.0.0.1", { open: 0, close: 1 })];
  expect(id, facts({ running: [early], peers: ending }), [
    ["warn", /has ended calls .* and opened none/, /^restart Kamailio, unless/],
  ]);
  const well: readonly (readonly [KamailioProcess, readonly PeerView[]])[] = [
    [late, ending],
    [early, [peer("127.0.0.1", { open: 1, close: 1 })]],
    [early, [peer("127.0.0.1", { open: 0, close: 0 })]],
  ];
  for (const [running, peers] of well) {
    expect(id, facts({ running: [running], peers }), [["ok", /names this daemon/]]);
  }
  // The D was of a call that the daemon had taken over when it started.
  expect(id, facts({ running: [early], peers: ending, ended: 1 }), [["ok", /names this daemon/]]);
});
