import assert from "node:assert/strict";
import { readResults } from "./results.ts";

Deno.test("readResults() sorts lines by kind", () => {
  const results = readResults(
    "frame\t100\tplain\t0\t1500.5\nlatency\topen\t10\t8\t1\t0\t1\t0.5\t30\t90\t95\nvalue\trss_mb\t80\n",
  );
  assert.deepEqual(results.frames, [{ sessions: 100, way: "plain", round: 0, cpuNs: 1500.5 }]);
  assert.equal(results.latencies[0]?.lost, 1);
  assert.equal(results.latencies[0]?.p99Us, 90);
  assert.equal(results.values.get("rss_mb"), 80);
});

Deno.test("readResults() refuses a figure that is missing", () => {
  assert.throws(() => readResults("frame\t100\tplain\t0\n"), /no number/);
});
