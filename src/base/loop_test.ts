import assert from "node:assert/strict";
import { every, untilNext } from "./loop.ts";

Deno.test("untilNext() leads to a multiple of the period, and not to one that is too near", () => {
  const cases = [[100, 0, 100], [100, 30, 70], [100, 175, 25], [100, 176, 124], [50, 999.5, 51]];
  for (const [period = 0, now = 0, expected] of cases) {
    assert.equal(untilNext(period, now), expected, `${period} at ${now}`);
  }
});

Deno.test("every() runs its task again and again, whatever it throws, until it is told to stop", async () => {
  const stop = new AbortController();
  const errors: unknown[] = [];
  let runs = 0;
  await every(2, stop.signal, {
    task: () => {
      runs++;
      if (runs === 2) throw new Error("once");
      if (runs === 5) stop.abort();
    },
    onError: (error) => errors.push(error),
  });
  assert.equal(runs, 5);
  assert.equal(errors.length, 1);
});
