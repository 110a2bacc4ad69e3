import assert from "node:assert/strict";
import { type Door, Doors, type Wish } from "./doors.ts";

/** Doors that note what happens to them. */
function makeHouse(): {
  readonly events: string[];
  wish(...keys: readonly string[]): readonly Wish[];
} {
  const events: string[] = [];
  const open = (key: string): Door => {
    if (key.startsWith("stuck")) throw new Error("it is stuck");
    events.push(`open ${key}`);
    return {
      fd: key.length,
      start: () => void events.push(`start ${key}`),
      adapt: () => void events.push(`adapt ${key}`),
      retire: () => Promise.resolve(void events.push(`retire ${key}`)),
      [Symbol.asyncDispose]: () => Promise.resolve(void events.push(`leave ${key}`)),
    };
  };
  return { events, wish: (...keys) => keys.map((key) => ({ key, open: () => open(key) })) };
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
    /^Error: Cannot listen on stuck: it is stuck$/,
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
