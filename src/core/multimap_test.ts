import assert from "node:assert/strict";
import { Multimap } from "./multimap.ts";

Deno.test("Multimap keeps the values of a key in their order, however many there are", () => {
  const [one, two, three] = [{ n: 1 }, { n: 2 }, { n: 3 }];
  const map = new Multimap<string, { n: number }>();
  assert.deepEqual(map.get("x"), []);
  map.add("x", one);
  map.add("y", three);
  assert.deepEqual(map.get("x"), [one]);
  map.add("x", two);
  map.add("x", three);
  assert.deepEqual(map.get("x"), [one, two, three]);
  map.delete("x", two);
  assert.deepEqual(map.get("x"), [one, three]);
  map.delete("x", one);
  assert.deepEqual(map.get("x"), [three]);
  assert.deepEqual(map.get("y"), [three]);
});

Deno.test("Multimap.delete() leaves alone what is not there", () => {
  const [one, two] = [{}, {}];
  const map = new Multimap<number, object>();
  map.delete(1, one);
  map.add(1, one);
  map.delete(1, two);
  assert.deepEqual(map.get(1), [one]);
  map.delete(1, one);
  map.delete(1, one);
  assert.deepEqual(map.get(1), []);
});
