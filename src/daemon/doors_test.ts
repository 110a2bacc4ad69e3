import assert from "node:assert/strict";
import { AddressMissing } from "../control/address_missing.ts";
import { type Door, Doors, type Wish } from "./doors.ts";

/** Doors that note what happens to them. */
function makeHouse(): {
  readonly events: string[];
  /** The addresses that are there not, or not any more. */
  readonly missing: Set<string>;
  wish(...keys: readonly string[]): readonly Wish[];
} {
  const events: string[] = [];
  const missing = new Set<string>();
  const open = (key: string): Door => {
    if (missing.has(key)) throw new AddressMissing("no interface has it");
    if (key.startsWith("stuck")) throw new Error("it is stuck");
    events.push(`open ${key}`);
    return {
      fd: key.length,
      start: () => void events.push(`start ${key}`),
      adapt: () => void events.push(`adapt ${key}`),
      isReachable: () => !missing.has(key),
      retire: () => Promise.resolve(void events.push(`retire ${key}`)),
      [Symbol.asyncDispose]: () => Promise.resolve(void events.push(`leave ${key}`)),
    };
  };
  const wish = (...keys: readonly string[]) =>
    keys.map((key) => ({ key, owner: "us", open: () => open(key) }));
  return { events, missing, wish };
}

Deno.test("Doors opens what is new before it closes what goes, and keeps the rest", async () => {
  const { events, wish } = makeHouse();
  const doors = new Doors();
  await (await doors.prepare(wish("a", "b"))).commit();
  const prepared = await doors.prepare(wish("b", "c"));
  assert.deepEqual(events.splice(0), ["open a", "open b", "start a", "start b", "open c"]);
  await prepared.commit();
  assert.deepEqual(events.splice(0), ["adapt b", "start c", "retire a"]);
  await doors[Symbol.asyncDispose]();
  assert.deepEqual(events, ["leave c", "leave b"]);
});

Deno.test("Doors leaves all as it was when one cannot be opened, or nobody commits", async () => {
  const { events, wish } = makeHouse();
  await using doors = new Doors();
  await (await doors.prepare(wish("a"))).commit();
  events.length = 0;
  await assert.rejects(
    doors.prepare(wish("b", "stuck", "c")),
    /^Error: Cannot listen on stuck of us: it is stuck$/,
  );
  assert.deepEqual(events.splice(0), ["open b", "retire b"]);
  await (await doors.prepare(wish("d"))).abort();
  assert.deepEqual(events.splice(0), ["open d", "retire d"]);
  await (await doors.prepare(wish("a"))).commit();
  assert.deepEqual(events.splice(0), ["adapt a"]);
});

Deno.test("Doors.kept has the sockets of the doors that are open", async () => {
  const { wish } = makeHouse();
  await using doors = new Doors();
  await (await doors.prepare(wish("a", "bb"))).commit();
  const prepared = await doors.prepare(wish("bb", "ccc"));
  assert.deepEqual(doors.kept, [1, 2]);
  await prepared.commit();
  assert.deepEqual(doors.kept, [2, 3]);
});

Deno.test("Doors serves the others while an address is missing, and that one when it has come", async () => {
  const { events, missing, wish } = makeHouse();
  await using doors = new Doors();
  missing.add("b");
  const prepared = await doors.prepare(wish("a", "b", "c"));
  await prepared.commit();
  assert.deepEqual(events.splice(0), ["open a", "open c", "start a", "start c"]);
  const waits = "b of us is not served: no interface has it; it is as soon as that changes";
  assert.deepEqual(doors.warnings(), [waits]);
  assert.equal(await doors.look(), false);
  missing.delete("b");
  assert.equal(await doors.look(), true);
  assert.deepEqual(events.splice(0), ["open b", "start b"]);
  assert.deepEqual(doors.warnings(), []);
  assert.equal(await doors.look(), false);
  missing.add("a");
  assert.match(doors.warnings().join(), /^a of us is not served: .* any more/);
  await (await doors.prepare(wish("a", "b"))).commit();
  assert.deepEqual(events.splice(0), ["adapt a", "adapt b", "retire c"]);
});

Deno.test("Doors waits no longer for what nobody wishes for any more", async () => {
  const { events, missing, wish } = makeHouse();
  await using doors = new Doors();
  missing.add("b");
  await (await doors.prepare(wish("a", "b"))).commit();
  await (await doors.prepare(wish("a"))).commit();
  missing.clear();
  assert.equal(await doors.look(), false);
  assert.deepEqual(events, ["open a", "start a", "adapt a"]);
});

Deno.test("Doors says why a door cannot be opened whose address has come, and tries again", async () => {
  const { missing, wish } = makeHouse();
  await using doors = new Doors();
  missing.add("stuck");
  await (await doors.prepare(wish("stuck"))).commit();
  missing.clear();
  assert.equal(await doors.look(), false);
  assert.deepEqual(doors.warnings(), ["Cannot listen on stuck of us: it is stuck"]);
});
