import assert from "node:assert/strict";
import { parseAddress } from "../base/cidr.ts";
import { Peers } from "./peers.ts";

function address(text: string) {
  const parsed = parseAddress(text);
  assert(parsed.ok);
  return parsed.value;
}

Deno.test("Peers tells who has sent commands to which instance, and when the last one came", () => {
  const peers = new Peers();
  const far = address("10.0.0.5");
  peers.note("default", far, { verb: "S", nowMs: 1000 });
  peers.note("default", null, { verb: "P", nowMs: 2000 });
  peers.note("second", far, { verb: "G", nowMs: 3000 });
  for (const verb of ["S", "D", "P"] as const) {
    peers.note("default", address("10.0.0.5"), { verb, nowMs: 4000 });
  }
  peers.note("default", address("2001:db8::1"), { verb: "D", nowMs: 5000 });
  const view = peers.view(44_000).map((each) => Object.values(each).map(String).join(" "));
  assert.deepEqual(view, [
    "default 2001:db8::1 39 null 0 1",
    "default 10.0.0.5 40 null 2 1",
    "second 10.0.0.5 41 41 0 0",
    "default unix 42 null 0 0",
  ]);
});

Deno.test("Peers forgets those that were heard first when they are many", () => {
  const peers = new Peers();
  const many = [...Array(40).keys()].map((n) => `10.0.0.${n}`);
  for (const text of many) peers.note("default", address(text), { verb: "P", nowMs: 0 });
  peers.note("default", address("10.0.0.10"), { verb: "P", nowMs: 0 });
  const known = peers.view(0).map((each) => each.address);
  assert.equal(known.length, 32);
  assert.deepEqual(known.slice(0, 2), ["10.0.0.10", "10.0.0.39"]);
  assert.equal(known.at(-1), "10.0.0.8");
});
