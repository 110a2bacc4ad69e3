import assert from "node:assert/strict";
import { parseCommandLine } from "./command_line.ts";

Deno.test("parseCommandLine() finds script, defines and sockets among all options", () => {
  const given = parseCommandLine([
    "-DD",
    "-E",
    "-m",
    "64",
    "-f",
    "/etc/other.cfg",
    "-A",
    'CONTROL="udp:127.0.0.1:9999"',
    "-AWITH_NAT",
    "--substdef=!A!B!g",
    "--loadmodule",
    "lrkproxy",
    "--modparam=lrkproxy:lrkproxy_sock:s:udp:127.0.0.1:8080",
    "--modparam=tm:x:i:1",
    "-P",
    "-A",
  ]);
  assert.deepEqual(given, {
    file: "/etc/other.cfg",
    defines: new Map([["CONTROL", '"udp:127.0.0.1:9999"'], ["WITH_NAT", ""]]),
    substitutions: [["substdef", "!A!B!g"]],
    sockets: ["udp:127.0.0.1:8080"],
  });
});

Deno.test("parseCommandLine() takes a value out of the same word or the next", () => {
  const cases: readonly (readonly [readonly string[], string | null])[] = [
    [["-f/a"], "/a"],
    [["-DDEf", "/a"], "/a"],
    [["-DDf/a", "-f", "/b"], "/b"],
    [["-w", "-f", "/x"], null],
    [["--", "-f", "/x"], null],
    [[], null],
  ];
  for (const [words, file] of cases) assert.equal(parseCommandLine(words).file, file, words.join());
});
