import assert from "node:assert/strict";
import { addressWarnings } from "./address_warnings.ts";
import type { Config } from "./config.ts";
import { loadConfigText } from "./load.ts";

const OWN = [
  { interface: "lo", address: "127.0.0.1" },
  { interface: "inside", address: "10.10.1.1" },
  { interface: "outside", address: "192.0.2.1" },
];

function config(...lines: readonly string[]): Config {
  const loaded = loadConfigText(["[kernel]", ...lines].join("\n"), "x.ini");
  assert(loaded.ok, JSON.stringify(loaded));
  return loaded.value;
}

const THERE = "(there are 10.10.1.1 on inside, 192.0.2.1 on outside)";

Deno.test("addressWarnings() names what no interface has, with its line, and what looks swapped", () => {
  const cases: readonly (readonly [lines: readonly string[], warnings: readonly RegExp[]])[] = [
    [["internal_ip = 10.10.1.1", "external_ip = 192.0.2.1"], []],
    [["internal_ip = 10.10.1.1"], []],
    [["internal_ip = 10.10.1.1", "external_ip = 192.0.2.11"], [
      /^line 3: \[kernel\] external_ip 192\.0\.2\.11: no interface .* \(there are 10\.10\.1\.1 on inside, 192\.0\.2\.1 on outside\)/,
    ]],
    [["internal_ip = 10.10.1.9"], [/^line 2: \[kernel\] internal_ip 10\.10\.1\.9: no interface/]],
    // Behind static NAT the address of this machine is what counts.
    [["internal_ip = 10.10.1.1", "external_ip = 198.51.100.7", "external_local = 192.0.2.1"], []],
    [["internal_ip = 10.10.1.1", "external_ip = 198.51.100.7", "external_local = 192.0.2.2"], [
      /^line 4: \[kernel\] external_local 192\.0\.2\.2: no interface/,
    ]],
    [["internal_ip = 192.0.2.1", "external_ip = 10.10.1.1"], [
      /^lines 2 and 3: \[kernel\] internal_ip and external_ip look swapped: internal_ip 192\.0\.2\.1 .* external_ip 10\.10\.1\.1 .*; the other way round it is internal_ip : 10\.10\.1\.1, external_ip : 192\.0\.2\.1$/,
    ]],
    [["internal_ip = 192.0.2.1", "external_ip = 100.64.0.1", "external_local = 10.10.1.1"], [
      /swapped: .*internal_ip : 100\.64\.0\.1, external_ip : 192\.0\.2\.1, internal_local : 10\.10\.1\.1$/,
    ]],
    [
      [
        "internal_ip = 10.10.1.1",
        "start_port = 20000",
        "end_port = 29000",
        "[instance b]",
        "control_port = 8081",
        "start_port = 30000",
        "end_port = 40000",
        "internal_ip = 10.10.2.1",
      ],
      [/^line 9: \[instance b\] internal_ip 10\.10\.2\.1/],
    ],
  ];
  for (const [lines, expected] of cases) {
    const found = addressWarnings(config(...lines), OWN);
    assert.equal(found.length, expected.length, `${lines}: ${found.join("; ")}`);
    expected.forEach((each, i) => assert.match(found[i] ?? "", each));
  }
});

Deno.test("addressWarnings() tells which addresses there are", () => {
  const wrong = config("internal_ip = 10.10.1.9");
  assert(addressWarnings(wrong, OWN)[0]?.includes(THERE));
  assert.match(addressWarnings(wrong, OWN.slice(0, 1))[0] ?? "", /none but the loopback's/);
});
