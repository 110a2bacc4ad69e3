import assert from "node:assert/strict";
import { LoopLag } from "./loop_lag.ts";

Deno.test("LoopLag counts how late timers were, and none as early", () => {
  const lag = new LoopLag();
  for (const lateMs of [-0.3, 0.4, 30, 4000]) lag.note(lateMs);
  assert.equal(lag.histogram.sum.toFixed(4), "4.0304");
  const { bounds, counts } = lag.histogram;
  assert.deepEqual([counts[0], counts[bounds.indexOf(0.05)], counts.at(-1)], [2, 1, 1]);
});

Deno.test("LoopLag.watch() sees a loop that is kept busy, and ends when told", async () => {
  const lag = new LoopLag();
  const stop = new AbortController();
  const watched = lag.watch(stop.signal);
  const endMs = performance.now() + 400;
  while (performance.now() < endMs);
  while (lag.histogram.sum === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stop.abort();
  await watched;
  assert.ok(lag.histogram.sum > 0.2, `${lag.histogram.sum}`);
});
