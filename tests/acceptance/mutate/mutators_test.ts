import assert from "node:assert/strict";
import { Dice } from "../../fuzz/mutate.ts";
import { DEVICES, fillMessage } from "./devices.ts";
import { join, nameOf, type Parts, value, withTrueLength } from "./message.ts";
import { mutate, MUTATORS } from "./mutators.ts";

const VALUES = {
  N: "1",
  IP: "10.20.0.1",
  IP6: "2001:db8::1",
  PORT: "40002",
  RTCP: "40003",
  PORT2: "40004",
  HOST: "10.10.1.10",
  SIP: "10.10.1.10:10001",
  TAG: "a1",
  BRANCH: "z9hG4bKm1-1",
  CALL: "m1-1",
  FROM: "<sip:a@10.10.1.10>;tag=a1",
  TO: "<sip:m1@192.0.2.20>",
  CSEQ: "1 INVITE",
};

/** INVITEs and answers of all devices, as they are before a mutation. */
const MESSAGES: readonly Parts[] = DEVICES.flatMap(({ invite, answer, bodyLineEnd }) =>
  [invite, answer].map((template) => fillMessage(template, VALUES, bodyLineEnd))
);

/** Of how many messages and throws a mutator changes something. */
function changes(name: string, messages: readonly Parts[]): number {
  let changed = 0;
  for (let seed = 1; seed <= 20; seed++) {
    for (const parts of messages) {
      const mutated = MUTATORS.get(name)?.(parts, new Dice(seed * 7919)) ?? parts;
      if (join(mutated) !== join(parts)) changed++;
    }
  }
  return changed;
}

for (const name of MUTATORS.keys()) {
  Deno.test(`mutator "${name}" changes messages of real devices`, () => {
    assert.ok(changes(name, MESSAGES) >= MESSAGES.length, "fewer than one in twenty is changed");
  });
}

for (const name of MUTATORS.keys()) {
  Deno.test(`mutator "${name}" takes a message of which nothing is left`, () => {
    const nothing: Parts = { start: "", headers: [], lineEnd: "\r\n", body: "" };
    for (let seed = 1; seed <= 20; seed++) {
      const mutated = MUTATORS.get(name)?.(nothing, new Dice(seed * 7919));
      assert.equal(typeof mutated?.body, "string");
    }
  });
}

Deno.test("mutate() applies 1 to 4 mutators and does the same for the same dice", () => {
  const [message] = MESSAGES;
  assert.ok(message);
  const counts = new Set<number>();
  for (let seed = 1; seed <= 100; seed++) {
    const one = mutate(message, new Dice(seed * 7919), withTrueLength);
    assert.deepEqual(mutate(message, new Dice(seed * 7919), withTrueLength), one);
    counts.add(one.names.length);
  }
  assert.deepEqual([...counts].sort(), [1, 2, 3, 4]);
});

Deno.test("mutate() leaves a true Content-Length where no header was damaged", () => {
  for (const message of MESSAGES) {
    for (let seed = 1; seed <= 100; seed++) {
      const { parts, names } = mutate(message, new Dice(seed * 7919), withTrueLength);
      if (names.every((name) => name.startsWith("sdp:"))) {
        assert.equal(value(parts, "content-length"), String(parts.body.length));
      }
    }
  }
});

Deno.test("a device's message has each header that SIP asks for", () => {
  for (const parts of MESSAGES) {
    const names = parts.headers.map(nameOf);
    for (const name of ["from", "to", "call-id", "cseq", "content-length"]) {
      assert.equal(names.filter((one) => one === name).length, 1, `${name} in ${parts.start}`);
    }
  }
});
