import assert from "node:assert/strict";
import { makeSession, numberedSession } from "../../tests/contract/rig.ts";
import { endpoint } from "../../tests/support/world.ts";
import { reopenAll } from "./latch.ts";
import { flowKeysOf, identityOf } from "./session.ts";
import { newEntry, SessionTable } from "./table.ts";

Deno.test("SessionTable finds a session by identity, flow key and Call-ID", () => {
  const table = new SessionTable();
  const [one, two] = [newEntry(makeSession(), 0), newEntry(numberedSession(1), 0)];
  table.add(one);
  table.add(two);
  assert.equal(table.get(identityOf(one.session)), one);
  for (const key of flowKeysOf(two.session)) assert.equal(table.owner(key), two);
  assert.deepEqual(table.withCallId(one.session.callId), [one]);
  assert.deepEqual([...table.entries()], [one, two]);
  assert.equal(table.size, 2);
});

Deno.test("SessionTable keeps dialogs of one Call-ID apart", () => {
  const table = new SessionTable();
  const one = newEntry(makeSession(), 0);
  const two = newEntry({ ...numberedSession(1), callId: one.session.callId }, 0);
  table.add(one);
  table.add(two);
  assert.deepEqual(table.withCallId(one.session.callId), [one, two]);
  table.remove(one);
  assert.deepEqual(table.withCallId(one.session.callId), [two]);
  table.remove(two);
  assert.deepEqual(table.withCallId(one.session.callId), []);
  assert.equal(table.size, 0);
});

Deno.test("SessionTable.update() gives up the keys of the old form", () => {
  const table = new SessionTable();
  const entry = newEntry(makeSession(), 0);
  table.add(entry);
  const old = flowKeysOf(entry.session);
  const moved = makeSession({ b: { ...entry.session.b, remote: endpoint("192.0.2.21:7000") } });
  table.update(entry, moved);
  assert.equal(entry.session, moved);
  assert.deepEqual(old.map((key) => table.owner(key) === entry), [true, true, false, false]);
  assert.ok(flowKeysOf(moved).every((key) => table.owner(key) === entry));
});

Deno.test("SessionTable knows which sessions are contested", () => {
  const table = new SessionTable();
  const entry = newEntry(makeSession(), 0);
  table.add(entry);
  assert.deepEqual([...table.contested], []);
  const locked = { locked: 1, open: false, sendTo: 1 };
  const known = makeSession({ latches: [locked, locked, locked, locked] });
  table.update(entry, reopenAll(known));
  assert.deepEqual([...table.contested], [entry]);
  table.update(entry, known);
  assert.deepEqual([...table.contested], []);
  table.update(entry, reopenAll(known));
  table.remove(entry);
  assert.deepEqual([...table.contested], []);
});

Deno.test("SessionTable.revision grows with every change", () => {
  const table = new SessionTable();
  const entry = newEntry(makeSession(), 0);
  const seen = [table.revision];
  table.add(entry);
  seen.push(table.revision);
  table.update(entry, entry.session);
  seen.push(table.revision);
  table.touch();
  seen.push(table.revision);
  table.remove(entry);
  seen.push(table.revision);
  assert.deepEqual(seen, [...new Set(seen)].toSorted((one, other) => one - other));
});
