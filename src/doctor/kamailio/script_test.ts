import assert from "node:assert/strict";
import { preprocess } from "./preprocess.ts";
import { parseScript, type ScriptView } from "./script.ts";

function view(text: string, defines: readonly (readonly [string, string])[] = []): ScriptView {
  return parseScript(preprocess(text, "/k.cfg", { defines: new Map(defines) }));
}

const SHIPPED = new URL("../../../tests/acceptance/", import.meta.url);

/** The shipped configuration with what it includes. */
function shipped(defines: readonly (readonly [string, string])[] = []): ScriptView {
  const read = (name: string): string => Deno.readTextFileSync(new URL(name, SHIPPED));
  const include = (name: string) => ({ path: `/${name}`, text: read(name) });
  const options = { defines: new Map(defines), include };
  return parseScript(preprocess(read("kamailio.cfg"), "/kamailio.cfg", options));
}

Deno.test("parseScript() finds all that the shipped configuration has", () => {
  assert.deepEqual(shipped(), {
    usesModule: true,
    sockets: ["udp:127.0.0.1:8080"],
    selectsSet: true,
    hasForeignRoutes: false,
    endsCalls: true,
    guards: { callId: true, size: true, address: true },
  });
});

Deno.test("parseScript() goes by the socket that -A gives to the shipped configuration", () => {
  const { sockets } = shipped([["CONTROL", '"unix:/run/lrkproxy/control.sock"']]);
  assert.deepEqual(sockets, ["unix:/run/lrkproxy/control.sock"]);
});

Deno.test("parseScript() reads sockets in all their forms", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['"udp:10.0.0.1:8080"', ["udp:10.0.0.1:8080"]],
    ["'udp:10.0.0.1:8080'", ["udp:10.0.0.1:8080"]],
    ['"1 == udp:10.0.0.1:8080=2 unix:/run/x.sock"', ["udp:10.0.0.1:8080", "unix:/run/x.sock"]],
    ['"udp6:[::1]:8080"', ["udp6:[::1]:8080"]],
    ['"udp:HOST:8080"', ["udp:10.0.0.9:8080"]],
    ['"udp:" "10.0.0.1" ":8080"', ["udp:10.0.0.1:8080"]],
    ['"udp:NAME:8080"', ["udp:NAME:8080"]],
    ["SOCKET", ["udp:10.0.0.7:8080"]],
    ["COMPUTED", ["?"]],
    ["NOWHERE", ["?"]],
    ['"udp:$def(X):8080"', ["?"]],
  ];
  const head = '#!substdef "!HOST!10.0.0.9!g"\n#!define SOCKET "udp:10.0.0.7:8080"\n' +
    "#!define NAME 10.0.0.8\n#!defexp COMPUTED 1\n";
  for (const [value, sockets] of cases) {
    const text = `${head}modparam("lrkproxy", "lrkproxy_sock", ${value})\n`;
    assert.deepEqual(view(text).sockets, sockets, value);
  }
});

Deno.test("parseScript() does not read what an #!ifdef leaves out, and does not guess at an #!ifexp", () => {
  const parameter = (port: number): string =>
    `modparam("lrkproxy", "lrkproxy_sock", "udp:127.0.0.1:${port}")\n`;
  const ifdef = `#!ifdef TEST\n${parameter(1)}#!else\n${parameter(2)}#!endif\n`;
  assert.deepEqual(view(ifdef).sockets, ["udp:127.0.0.1:2"]);
  assert.deepEqual(view(ifdef, [["TEST", ""]]).sockets, ["udp:127.0.0.1:1"]);
  assert.deepEqual(view(ifdef.replace("ifdef TEST", "ifexp 1 > 2")).sockets, ["?"]);
  const guard = "#!ifdef OFF\nif ($(ci{s.len}) > 48) { return -1; }\n#!endif\n";
  assert.equal(view(guard).guards.callId, false);
});

Deno.test("parseScript() knows routes that are in another language", () => {
  const text = 'cfgengine "python"\nloadmodule "lrkproxy"\n';
  assert.deepEqual([view(text).usesModule, view(text).hasForeignRoutes], [true, true]);
});

Deno.test("parseScript() does not take comments for code, nor long limits for guards", () => {
  const commented =
    '# set_lrkproxy_set("0");\n/* lrkproxy_manage(); */ // if ($(ci{s.len}) > 48)\n';
  const { usesModule, selectsSet, guards } = view(commented);
  assert.deepEqual([usesModule, selectsSet, guards.callId], [false, false, false]);
  assert.equal(view("if ($(ci{s.len}) > 49) {").guards.callId, false);
  assert.equal(view("if ($(ci{s.len}) >= 49) {").guards.callId, true);
  assert.equal(view('xlog("# no comment"); if ($(ci{s.len}) > 40) {').guards.callId, true);
});
