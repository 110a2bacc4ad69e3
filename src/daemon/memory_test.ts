import assert from "node:assert/strict";
import { MemoryKeeper } from "./memory.ts";

const MB = 1 << 20;

Deno.test("MemoryKeeper collects when memory has grown and nobody asks for anything", () => {
  const keeper = new MemoryKeeper(80 * MB);
  const look = (nowMs: number, megabytes: number, requests: number): boolean =>
    keeper.isDue({ nowMs, rssBytes: megabytes * MB, requests });
  assert.equal(look(0, 110, 5), false, "requests have come since the last look");
  assert.equal(look(1000, 110, 5), true, "the first quiet look");
  keeper.done(1000, 80 * MB);
  assert.equal(look(70_000, 103, 5), false, "it has hardly grown");
  assert.equal(look(71_000, 130, 9), false, "requests come");
  assert.equal(look(72_000, 130, 9), true, "it has grown and is idle");
  keeper.done(72_000, 105 * MB);
  assert.equal(look(101_000, 200, 9), false, "the last collection is not long ago");
  assert.equal(look(102_000, 200, 9), true, "it is long ago now");
});
