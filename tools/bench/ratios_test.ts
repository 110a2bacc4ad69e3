import assert from "node:assert/strict";
import { forwardingCosts, median } from "./ratios.ts";
import type { Frame } from "./results.ts";

Deno.test("median() is the middle, or halfway between the two middles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

Deno.test("forwardingCosts() takes ratios within a round when the machine's speed changes", () => {
  const slow = round(0, 2);
  const fast = round(1, 1);
  const [cost] = forwardingCosts([...slow, ...fast]);
  const relay = cost?.ways.find(({ way }) => way === "lrkproxy");
  assert.equal(relay?.toPlain, 2);
  assert.equal(relay?.toConntrack, 0.8);
  assert.equal(relay?.toCounting, 0.5);
  assert.equal(relay?.minNs, 2500);
  assert.equal(relay?.netNs, 3000);
});

Deno.test("forwardingCosts() keeps numbers of sessions apart", () => {
  const few = round(0, 1);
  const many = few.map((frame) => ({ ...frame, sessions: 20_000 }));
  assert.deepEqual(forwardingCosts([...few, ...many]).map(({ sessions }) => sessions), [
    100,
    20_000,
  ]);
});

function round(index: number, factor: number): Frame[] {
  const ns = { floor: 500, plain: 1500, conntrack: 3000, counting: 4500, lrkproxy: 2500 };
  return Object.entries(ns).map(([way, cpuNs]) => ({
    sessions: 100,
    way,
    round: index,
    cpuNs: cpuNs * factor,
  }));
}
