import assert from "node:assert/strict";
import { Histogram, LATENCY_BOUNDS } from "./histogram.ts";

Deno.test("Histogram puts a value into the first bucket whose bound is not below it", () => {
  const cases = [[0, 0], [0.5, 0], [1, 0], [1.001, 1], [10, 1], [11, 2], [Infinity, 2]] as const;
  for (const [value, bucket] of cases) {
    const histogram = new Histogram([1, 10]);
    histogram.observe(value);
    assert.deepEqual(histogram.counts, [0, 1, 2].map((i) => Number(i === bucket)), `${value}`);
    assert.equal(histogram.sum, value);
  }
});

Deno.test("Histogram adds up what it is shown", () => {
  const histogram = new Histogram([1, 10]);
  for (const value of [0.5, 0.25, 4, 40]) histogram.observe(value);
  assert.deepEqual([histogram.counts, histogram.sum], [[2, 1, 1], 44.75]);
});

Deno.test("LATENCY_BOUNDS ascend from 50 µs to a second", () => {
  assert.deepEqual([...LATENCY_BOUNDS].sort((one, other) => one - other), LATENCY_BOUNDS);
  assert.deepEqual([LATENCY_BOUNDS.at(0), LATENCY_BOUNDS.at(-1)], [0.000_05, 1]);
});
