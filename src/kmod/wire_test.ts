import assert from "node:assert/strict";
import type { FlowKey } from "../core/session.ts";
import {
  ABI_VERSION,
  ANSWER,
  ANSWER_BYTES,
  Answers,
  BATCH_MAX,
  COUNTED,
  COUNTS,
  FLOW_PASS_STRANGERS,
  LAYOUT,
  REASON,
  REQUEST,
  REQUEST_BYTES,
  Requests,
} from "./wire.ts";

const GOLDEN = new URL("../../tests/golden/", import.meta.url);

/** What C says: constants, and offsets as `struct.field`, or `struct.member.field` inside others. */
function layoutOfC(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const structs = new Map<string, { name: string; offset: number; type: string }[]>();
  let fields: { name: string; offset: number; type: string }[] = [];
  for (const line of Deno.readTextFileSync(new URL("wire_layout.txt", GOLDEN)).split("\n")) {
    const [, struct] = /^struct (\w+) \d+$/.exec(line) ?? [];
    const [, name = "", offset, type = ""] = /^ {2}(\w+) (\d+) \d+ (.+)$/.exec(line) ?? [];
    const [, constant, value] = /^(LRK_\w+) (\d+)$/.exec(line) ?? [];
    if (struct) structs.set(struct, fields = []);
    else if (offset) fields.push({ name, offset: Number(offset), type });
    else if (constant) found.set(constant, Number(value));
  }
  const add = (prefix: string, struct: string, base: number): void => {
    for (const { name, offset, type } of structs.get(struct) ?? []) {
      found.set(`${prefix}.${name}`, base + offset);
      add(`${prefix}.${name}`, type.replace(/^struct /, ""), base + offset);
    }
  };
  for (const struct of structs.keys()) add(struct, struct, 0);
  return found;
}

function vector(name: string): Uint8Array<ArrayBuffer> {
  const text = Deno.readTextFileSync(new URL(`wire/${name}.hex`, GOLDEN));
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => parseInt(byte, 16));
}

/** The key of every vector. */
const KEY: FlowKey = {
  remote: 0xc6336407,
  local: { address: 0xcb007109, port: 20002 },
};

const FLOW = {
  key: KEY,
  port: 30004,
  source: { address: 0xcb00710a, port: 20006 },
  destination: { address: 0xc000020b, port: 40008 },
};

Deno.test("every constant and offset is C's", () => {
  const c = layoutOfC();
  for (const [name, offset] of Object.entries(LAYOUT)) assert.equal(c.get(name), offset, name);
  const constant = (prefix: string, name: string): number | undefined =>
    c.get(`${prefix}${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`);
  for (const [name, value] of Object.entries(REQUEST)) {
    assert.equal(constant("LRK_", name), value, name);
  }
  for (const [name, value] of Object.entries(ANSWER)) {
    assert.equal(constant("LRK_ANSWER_", name), value, name);
  }
  for (const [name, value] of Object.entries(REASON)) {
    assert.equal(constant("LRK_REASON_", name), value, name);
  }
  assert.deepEqual(
    [ABI_VERSION, REQUEST_BYTES, ANSWER_BYTES, BATCH_MAX, FLOW_PASS_STRANGERS, COUNTS, COUNTED],
    [
      "LRK_ABI_VERSION",
      "LRK_REQUEST_SIZE",
      "LRK_ANSWER_SIZE",
      "LRK_BATCH_MAX",
      "LRK_FLOW_PASS_STRANGERS",
      "LRK_COUNTS",
      "LRK_COUNTED",
    ].map((name) => c.get(name)),
  );
});

Deno.test("Requests are written as C writes them", () => {
  const cases: readonly (readonly [name: string, write: (to: Requests) => void])[] = [
    ["hello", (to) => to.plain(REQUEST.hello, { value: ABI_VERSION })],
    ["delete", (to) => to.key(REQUEST.delete, KEY)],
    ["count", (to) => to.key(REQUEST.count, KEY)],
    ["dump", (to) => to.plain(REQUEST.dump, { value: 1000, cursor: 0x0000000900000080n })],
    ["flush", (to) => to.plain(REQUEST.flush)],
    ["stats", (to) => to.plain(REQUEST.stats)],
  ];
  for (const [name, write] of cases) {
    const requests = new Requests(2);
    write(requests);
    assert.deepEqual(withoutSeq(requests.bytes), withoutSeq(vector(name)), name);
  }
});

Deno.test("Requests write of a flow what the daemon uses of it", () => {
  for (const [name, type] of [["add", REQUEST.add], ["update", REQUEST.update]] as const) {
    const expected = new DataView(vector(name).buffer);
    expected.setUint16(22, FLOW_PASS_STRANGERS, true);
    for (let at = 36; at < 64; at++) expected.setUint8(at, 0);
    expected.setBigUint64(64, 0x6c726bn, true);
    const { bytes } = new Requests(1).flow(type, FLOW);
    assert.deepEqual(withoutSeq(bytes), withoutSeq(new Uint8Array(expected.buffer)), name);
  }
});

Deno.test("Requests number records, and leave nothing of what was there before", () => {
  const requests = new Requests(3);
  requests.flow(REQUEST.add, FLOW).flow(REQUEST.add, FLOW);
  requests.clear().plain(REQUEST.stats).key(REQUEST.count, KEY);
  assert.equal(requests.bytes.length, 2 * REQUEST_BYTES);
  const view = new DataView(requests.bytes.buffer);
  assert.deepEqual([view.getUint32(4, true), view.getUint32(REQUEST_BYTES + 4, true)], [0, 1]);
  assert.deepEqual(withoutSeq(requests.bytes.slice(0, REQUEST_BYTES)), withoutSeq(vector("stats")));
});

Deno.test("Answers are read as C has written them", () => {
  const names = ["error", "hello", "flow", "page", "stats"] as const;
  const answers = new Answers(
    Uint8Array.from(names.flatMap((name) => [...vector(`answer_${name}`)])),
  );
  assert.equal(answers.count, names.length);
  names.forEach((name, i) => assert.equal(answers.type(i), ANSWER[name], name));
  assert.deepEqual(answers.fault(0), { index: 102, error: 17, reason: REASON.exists });
  assert.equal(answers.maxFlows(1), 400_000);
  assert.deepEqual(answers.flow(2), FLOW);
  assert.equal(answers.cursor(3), 0x0000000b00000082n);
  assert.deepEqual(answers.state(4, 9), {
    flows: 114,
    room: 9,
    relayed: { packets: 0x100000100, bytes: 0x200000101 },
    dropped: {
      held: 102,
      notRtp: 104,
      packetRate: 105,
      byteRate: 106,
      memory: 107,
      neighbour: 108,
    },
    left: { options: 109, ttl: 110, form: 111, route: 112, mtu: 113, stranger: 115 },
  });
});

Deno.test("Answers tell of seven flows each", () => {
  const one = [...vector("answer_counts")];
  const answers = new Answers(Uint8Array.from([...one, ...one]));
  assert.equal(answers.type(1), ANSWER.counts);
  const told = [
    { packets: 0x100000021, bytes: 0x200000022, expected: 35, received: 36 },
    null,
    { packets: 37, bytes: 38, expected: 39, received: 40 },
  ];
  assert.deepEqual([0, 1, 2].map((nth) => answers.countOf(nth)), told);
  assert.deepEqual([7, 8, 9].map((nth) => answers.countOf(nth)), told);
});

function withoutSeq(bytes: Uint8Array): readonly number[] {
  return [...bytes].map((byte, at) => 4 <= at && at < 8 ? 0 : byte);
}
