import assert from "node:assert/strict";
import { SoftirqShare } from "./softirq.ts";

Deno.test("SoftirqShare tells the share of the time since it was last asked", () => {
  const texts = [
    "cpu  100 0 50 800 10 0 40 0 7 7\ncpu0 1 2 3\n",
    "cpu  150 0 50 820 10 0 70 0 9 9\ncpu0 1 2 3\n",
    "cpu  150 0 50 820 10 0 70 0 9 9\n",
    "nonsense",
  ];
  const share = new SoftirqShare(() => texts.shift() ?? null);
  assert.deepEqual([share.take(), share.take(), share.take(), share.take(), share.take()], [
    null,
    30,
    null,
    null,
    null,
  ]);
});

Deno.test("SoftirqShare reads this machine", () => {
  const share = new SoftirqShare();
  assert.equal(share.take(), null);
});
