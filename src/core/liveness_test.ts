import assert from "node:assert/strict";
import { makeSession } from "../../tests/contract/rig.ts";
import { LIMITS } from "../../tests/support/world.ts";
import type { FlowCount } from "./backend.ts";
import { isLive, judgeSilence, takeCounts, type Verdict, wasHeard } from "./liveness.ts";
import { lockedTo } from "./latch.ts";
import { withLatch } from "./session.ts";
import { type Entry, foundEntry, newEntry } from "./table.ts";

function entryAt(nowMs: number): Entry {
  return newEntry(makeSession(), nowMs);
}

function count(packets: number): FlowCount {
  return { packets, bytes: packets * 100, lockedPackets: 0 };
}

Deno.test("takeCounts() notes which flows have moved, and when", () => {
  const entry = entryAt(0);
  assert.equal(takeCounts(entry, [count(0), count(0), null, count(0)], 100), false);
  assert.equal(wasHeard(entry), false);
  assert.equal(entry.heardMs, 0);
  assert.equal(takeCounts(entry, [count(0), null, count(3), null], 200), true);
  assert.deepEqual(entry.samples[2], {
    ...{ packets: 3, bytes: 300, heardMs: 200 },
    ...{ heardAfterMs: 0, readMs: 200 },
  });
  assert.deepEqual([entry.heardMs, entry.sampledMs, entry.liveliest], [200, 200, 2]);
  assert.equal(takeCounts(entry, [count(0), null, count(3), null], 300), false);
  assert.deepEqual([entry.heardMs, entry.sampledMs], [200, 300]);
});

Deno.test("takeCounts() knows between which two readings the last packet came", () => {
  const entry = entryAt(0);
  const read = (packets: number, nowMs: number): readonly (number | null)[] => {
    takeCounts(entry, [count(packets), null, null, null], nowMs);
    return [entry.samples[0].heardAfterMs, entry.samples[0].heardMs];
  };
  assert.deepEqual(read(5, 300_000), [0, 300_000]);
  assert.deepEqual(read(5, 300_500), [0, 300_000]);
  assert.deepEqual(read(6, 301_000), [300_500, 301_000]);
  // What was carried before the daemon came may be of any time.
  const found = foundEntry(makeSession(), 400_000);
  takeCounts(found, [count(9), null, null, null], 401_000);
  assert.equal(found.samples[0].heardAfterMs, -Infinity);
});

Deno.test("a session that is found with a learned port is active until its silence is proved", () => {
  const session = withLatch(makeSession(), 0, lockedTo(6000));
  assert.equal(foundEntry(makeSession(), 0).state, "unheard");
  assert.equal(newEntry(makeSession(), 0).state, "unheard");
  const entry = foundEntry(session, 0);
  assert.equal(entry.state, "active");
  takeCounts(entry, [count(0), count(0), count(0), count(0)], 30_000);
  assert.equal(judgeSilence(entry, LIMITS, 30_000), "active");
  assert.equal(judgeSilence(entry, LIMITS, 60_000), "stale");
  // It was heard once, so it has the patience of those.
  assert.equal(judgeSilence(entry, LIMITS, 180_000), "stale");
  assert.equal(judgeSilence(entry, LIMITS, 3_600_000), "remove");
});

Deno.test("takeCounts() does not take a count that began anew for silence for ever", () => {
  const entry = entryAt(0);
  takeCounts(entry, [count(500), null, null, null], 100);
  assert.equal(takeCounts(entry, [count(3), null, null, null], 200), false);
  assert.equal(takeCounts(entry, [count(4), null, null, null], 300), true);
});

Deno.test("judgeSilence() knows four stages", () => {
  const cases: readonly (readonly [heard: boolean, silentSeconds: number, Verdict])[] = [
    [false, 0, "unheard"],
    [false, 59.9, "unheard"],
    [false, 60, "stale"],
    [false, 179.9, "stale"],
    [false, 180, "remove"],
    [true, 0, "active"],
    [true, 59.9, "active"],
    [true, 60, "stale"],
    [true, 3599.9, "stale"],
    [true, 3600, "remove"],
  ];
  for (const [heard, seconds, expected] of cases) {
    const entry = entryAt(1000);
    if (heard) takeCounts(entry, [count(1), null, null, null], 1000);
    const verdict = judgeSilence(entry, LIMITS, 1000 + seconds * 1000);
    assert.equal(verdict, expected, `${heard} ${seconds}`);
  }
});

Deno.test("judgeSilence() removes at 60 s where stale_limit equals the timeout, as Kamailio 5.6 needs", () => {
  const entry = entryAt(0);
  takeCounts(entry, [count(1), null, null, null], 0);
  const limits = { ...LIMITS, staleLimitSeconds: 60 };
  assert.equal(judgeSilence(entry, limits, 59_999), "active");
  assert.equal(judgeSilence(entry, limits, 60_000), "remove");
});

Deno.test("isLive() is media within the window", () => {
  const entry = entryAt(0);
  assert.equal(isLive(entry, LIMITS, 0), false, "nothing was heard");
  takeCounts(entry, [null, count(1), null, null], 1000);
  assert.equal(isLive(entry, LIMITS, 5999), true);
  assert.equal(isLive(entry, LIMITS, 6000), false);
});
