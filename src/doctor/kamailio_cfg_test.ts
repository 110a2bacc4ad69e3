import assert from "node:assert/strict";
import { parseScript } from "./kamailio_cfg.ts";

Deno.test("parseScript() finds all that the shipped configuration has", async () => {
  const path = new URL("../../tests/acceptance/kamailio.cfg", import.meta.url);
  assert.deepEqual(parseScript(await Deno.readTextFile(path)), {
    usesModule: true,
    sockets: ["udp:127.0.0.1:8080"],
    selectsSet: true,
    guards: { callId: true, size: true, address: true },
  });
});

Deno.test("parseScript() reads sockets in all their forms", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['"udp:10.0.0.1:8080"', ["udp:10.0.0.1:8080"]],
    ['"1 == udp:10.0.0.1:8080=2 unix:/run/x.sock"', ["udp:10.0.0.1:8080", "unix:/run/x.sock"]],
    ['"udp6:[::1]:8080"', ["udp6:[::1]:8080"]],
    ['"udp:HOST:8080"', ["udp:10.0.0.9:8080"]],
    ["NOWHERE", ["?"]],
  ];
  for (const [value, sockets] of cases) {
    const text = `#!substdef "!HOST!10.0.0.9!g"\nmodparam("lrkproxy", "lrkproxy_sock", ${value})\n`;
    assert.deepEqual(parseScript(text).sockets, sockets, value);
  }
});

Deno.test("parseScript() does not take comments for code, nor long limits for guards", () => {
  const commented =
    '# set_lrkproxy_set("0");\n/* lrkproxy_manage(); */ // if ($(ci{s.len}) > 48)\n';
  const view = parseScript(commented);
  assert.deepEqual([view.usesModule, view.selectsSet, view.guards.callId], [false, false, false]);
  assert.equal(parseScript("if ($(ci{s.len}) > 49) {").guards.callId, false);
  assert.equal(parseScript("if ($(ci{s.len}) >= 49) {").guards.callId, true);
  assert.equal(parseScript('xlog("# no comment"); if ($(ci{s.len}) > 40) {').guards.callId, true);
});
