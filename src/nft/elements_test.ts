import assert from "node:assert/strict";
import fc from "fast-check";
import { makeSession } from "../../tests/contract/rig.ts";
import { sessions } from "../../tests/support/arbitraries.ts";
import { endpoint } from "../../tests/support/world.ts";
import { lockedTo, reopened } from "../core/latch.ts";
import { OPEN_LATCH, type Session } from "../core/session.ts";
import { elementsOf, placeOf, portWord, wordPort } from "./elements.ts";

function hex(words: readonly number[] | null): string {
  return words === null ? "-" : words.map((word) => word.toString(16).padStart(8, "0")).join(" ");
}

function listing(session: Session): readonly string[] {
  return elementsOf(session).slice(1).map(({ set, key, data }) =>
    `${set} ${hex(key)} : ${hex(data)}`
  );
}

Deno.test("elementsOf() lays a session out as the kernel's rules read it", () => {
  const [record] = elementsOf(makeSession());
  assert.equal(record?.set, "sessions");
  assert.match(hex(record?.key ?? null), /^c0000201 4e200000 0a0a0101 4e220000 [0-9a-f]{8}$/);
  assert.deepEqual(listing(makeSession()), [
    // remote addr, relay addr, relay port : new source, new destination, both new ports
    "open 0a0a010a 0a0a0101 4e220000 : c0000201 c0000214 4e201b58",
    "open 0a0a010a 0a0a0101 4e230000 : c0000201 c0000214 4e211b59",
    "open c0000214 c0000201 4e200000 : 0a0a0101 0a0a010a 4e221770",
    "open c0000214 c0000201 4e210000 : 0a0a0101 0a0a010a 4e231771",
  ]);
});

Deno.test("elementsOf() has the locked port in the key, and both while it is contested", () => {
  const session = makeSession({
    latches: [lockedTo(41000), reopened(lockedTo(41001)), OPEN_LATCH, OPEN_LATCH],
  });
  assert.deepEqual(listing(session), [
    "legs 0a0a010a 0a0a0101 a0280000 4e220000 : c0000201 c0000214 4e201b58",
    "legs 0a0a010a 0a0a0101 a0290000 4e230000 : c0000201 c0000214 4e211b59",
    "open 0a0a010a 0a0a0101 4e230000 : c0000201 c0000214 4e211b59",
    "open c0000214 c0000201 4e200000 : 0a0a0101 0a0a010a 4e22a028",
    "open c0000214 c0000201 4e210000 : 0a0a0101 0a0a010a 4e23a029",
  ]);
});

Deno.test("elementsOf() swallows what a held party would be sent", () => {
  const local = endpoint("192.0.2.1:20000");
  assert.deepEqual(listing(makeSession({ b: { remote: endpoint("0.0.0.0:0"), local } })), [
    "held 0a0a010a 0a0a0101 4e220000 : -",
    "held 0a0a010a 0a0a0101 4e230000 : -",
  ]);
});

Deno.test("elementsOf() puts no two elements in one place, and words are 32 bits", () => {
  fc.assert(
    fc.property(sessions(), (session) => {
      const elements = elementsOf(session);
      assert.equal(new Set(elements.map(placeOf)).size, elements.length);
      for (const { key, data } of elements) {
        for (const word of [...key, ...data ?? []]) {
          assert.ok(Number.isInteger(word) && word >= 0 && word <= 0xffffffff);
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("wordPort() undoes portWord()", () => {
  for (const port of [0, 1, 255, 256, 32768, 65535]) assert.equal(wordPort(portWord(port)), port);
  assert.equal(wordPort(undefined), 0);
});
