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
  const view = peers.view(44_000, 0).map((
    { instance, address, lastSeconds, configSeconds, open, close },
  ) => [instance, address, lastSeconds, configSeconds, open, close].map(String).join(" "));
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
  const known = peers.view(0, 0).map((each) => each.address);
  assert.equal(known.length, 32);
  assert.deepEqual(known.slice(0, 2), ["10.0.0.10", "10.0.0.39"]);
  assert.equal(known.at(-1), "10.0.0.8");
});

Deno.test("Peers knows what each peer was told, and since when it is the same", () => {
  const peers = new Peers();
  const told = {
    ...{ internalIp: "10.10.1.1", externalIp: "198.51.100.7" },
    ...{ internalLocal: "10.10.1.1", externalLocal: "192.0.2.1", startPort: 20000, endPort: 30000 },
  };
  const [near, far] = [address("127.0.0.1"), address("10.0.0.5")];
  peers.tells = () => ({ ...told });
  peers.note("default", far, { verb: "S", nowMs: 500 });
  peers.note("default", near, { verb: "G", nowMs: 1000 });
  peers.note("default", near, { verb: "G", nowMs: 2000 });
  const says = () =>
    peers.view(5000, 1_000_005_000).map(({ address, told }) => [address, told?.sinceMs ?? null]);
  assert.deepEqual(says(), [["127.0.0.1", 1_000_001_000], ["10.0.0.5", null]]);
  assert.deepEqual(peers.view(5000, 0)[0]?.told, {
    ...{ internal: "10.10.1.1", external: "198.51.100.7", sinceMs: -4000 },
  });
  peers.tells = () => ({ ...told, internalIp: "10.10.1.2" });
  peers.note("default", near, { verb: "G", nowMs: 3000 });
  assert.deepEqual(says()[0], ["127.0.0.1", 1_000_003_000]);
  // Kamailio that is sent away is told nothing.
  peers.tells = () => null;
  peers.note("default", near, { verb: "G", nowMs: 4000 });
  assert.deepEqual(says()[0], ["127.0.0.1", 1_000_003_000]);
});

Deno.test("Peers holds a call for one of whoever sent the last S, until that one asks again", () => {
  const peers = new Peers();
  const [near, far] = [address("127.0.0.1"), address("10.0.0.5")];
  const opened = () => peers.of("default").map((peer) => peer.opened.join(" "));
  peers.tells = () => null;
  peers.note("default", far, { verb: "S", nowMs: 1 });
  peers.note("default", near, { verb: "S", nowMs: 2 });
  peers.note("second", far, { verb: "S", nowMs: 3 });
  peers.noteOpened("default", ["10.10.1.1", "192.0.2.1"]);
  assert.deepEqual(opened(), ["10.10.1.1 192.0.2.1", ""]);
  peers.note("default", near, { verb: "G", nowMs: 4 });
  assert.deepEqual(opened(), ["10.10.1.1 192.0.2.1", ""]);
  const told = {
    ...{ internalIp: "10.10.1.1", externalIp: "192.0.2.1" },
    ...{ internalLocal: "10.10.1.1", externalLocal: "192.0.2.1", startPort: 20000, endPort: 30000 },
  };
  peers.tells = () => told;
  peers.note("default", near, { verb: "G", nowMs: 5 });
  assert.deepEqual(opened(), ["", ""]);
});

Deno.test("Peers knows the strangers that have come last, while nobody else has", () => {
  const peers = new Peers();
  for (let n = 1; n <= 4; n++) peers.noteStranger(address(`10.0.0.${n}`), n);
  peers.noteStranger(address("10.0.0.3"), 5);
  assert.deepEqual(peers.strangersAlone(0), ["10.0.0.3", "10.0.0.4", "10.0.0.2"]);
  assert.deepEqual(peers.strangersAlone(4), ["10.0.0.3", "10.0.0.4"]);
  peers.note("default", address("127.0.0.1"), { verb: "P", nowMs: 6 });
  assert.deepEqual(peers.strangersAlone(0), []);
  assert.deepEqual(peers.strangersAlone(7), []);
});
