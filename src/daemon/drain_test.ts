import assert from "node:assert/strict";
import { ManualClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { areDrainOptions, Drain, Drainer } from "./drain.ts";

interface Draining {
  readonly clock: ManualClock;
  readonly drain: Drain;
  readonly drainer: Drainer;
  readonly lines: readonly string[];
  readonly stops: () => number;
  calls: number;
}

function draining(calls: number): Draining {
  const clock = new ManualClock();
  const state = { calls };
  const drain = new Drain(clock, () => state.calls);
  const lines: string[] = [];
  const write = (message: string, fields = {}): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Logger = { debug: write, info: write, warn: write, error: write };
  let stops = 0;
  const drainer = new Drainer({ drain, log, clock }, () => stops++);
  return Object.assign(state, { clock, drain, drainer, lines, stops: () => stops });
}

Deno.test("Drain waits until no call is left, and until those that ring may have been answered", () => {
  const world = draining(2);
  const { drain, clock } = world;
  assert.equal(drain.verdict(), "off");
  drain.begin({ timeoutSeconds: null, ringSeconds: 20 });
  assert.deepEqual([drain.isOn, drain.verdict()], [true, "waits"]);
  world.calls = 0;
  clock.advance(19_999);
  assert.equal(drain.verdict(), "waits");
  world.calls = 1;
  clock.advance(1);
  assert.equal(drain.verdict(), "waits");
  world.calls = 0;
  assert.equal(drain.verdict(), "empty");
});

Deno.test("Drain ends at its time, whatever calls are left", () => {
  const { drain, clock } = draining(2);
  drain.begin({ timeoutSeconds: 10, ringSeconds: 20 });
  clock.advance(9000);
  assert.deepEqual(drain.view(), { seconds: 9, callsLeft: 2, stopsInSeconds: 1 });
  assert.equal(drain.verdict(), "waits");
  clock.advance(1000);
  assert.equal(drain.verdict(), "timeout");
});

Deno.test("Drain is off again when it is called off", () => {
  const { drain } = draining(0);
  drain.begin({ timeoutSeconds: 0, ringSeconds: 0 });
  drain.end();
  assert.deepEqual([drain.isOn, drain.view(), drain.verdict()], [false, null, "off"]);
});

Deno.test("Drainer tells how many calls are left, when that changes and not too often, and stops", () => {
  const world = draining(3);
  const { drain, drainer, clock, lines, stops } = world;
  drainer.look();
  drain.begin({ timeoutSeconds: null, ringSeconds: 0 });
  for (const calls of [3, 3, 2, 2, 1]) {
    world.calls = calls;
    drainer.look();
    clock.advance(5000);
  }
  assert.deepEqual(lines, [
    'Draining {"callsLeft":3}',
    'Draining {"callsLeft":2}',
    'Draining {"callsLeft":1}',
  ]);
  assert.equal(stops(), 0);
  world.calls = 0;
  drainer.look();
  assert.deepEqual([lines.at(-1), stops()], ['Drained: no call is left {"callsLeft":0}', 1]);
});

Deno.test("Drainer says that the time is over", () => {
  const { drain, drainer, lines, stops } = draining(3);
  drain.begin({ timeoutSeconds: 0, ringSeconds: 0 });
  drainer.look();
  assert.deepEqual([lines, stops()], [['The time to drain is over {"callsLeft":3}'], 1]);
});

Deno.test("areDrainOptions() takes seconds only", () => {
  assert.ok(areDrainOptions({ timeoutSeconds: null, ringSeconds: 0 }));
  assert.ok(areDrainOptions({ timeoutSeconds: 1.5, ringSeconds: 20 }));
  for (const bad of [-1, NaN, Infinity, "1", undefined]) {
    assert.ok(!areDrainOptions({ timeoutSeconds: bad as number, ringSeconds: 0 }), `${bad}`);
    assert.ok(!areDrainOptions({ timeoutSeconds: 1, ringSeconds: bad as number }), `${bad}`);
  }
});
