import assert from "node:assert/strict";
import { ManualClock } from "../base/clock.ts";
import type { Notifier } from "../systemd/notify.ts";
import { Pulse, statusLine } from "./pulse.ts";
import { Supervision } from "./supervision.ts";

const PERIOD_MS = 3000;

/** Writes down what it is told. */
function listener(): Notifier & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    isHeard: true,
    ready: () => void told.push("ready"),
    reloading: () => void told.push("reloading"),
    stopping: () => void told.push("stopping"),
    status: (text) => void told.push(text),
    watchdog: () => void told.push("alive"),
    storeSocket: (fd, name) => void told.push(`store ${fd} as ${name}`),
    forgetSockets: (name) => void told.push(`forget ${name}`),
    [Symbol.dispose]: () => {},
  };
}

Deno.test("Pulse gives signs of life while the loop turns and the kernel answers", () => {
  const clock = new ManualClock();
  const notifier = listener();
  let isAnswering = true;
  const pulse = new Pulse(notifier, clock, {
    describe: () => "",
    probe: () => {
      if (!isAnswering) throw new Error("Cannot ask the kernel: no answer");
    },
  });
  const round = (): void => {
    clock.advance(PERIOD_MS);
    pulse.turned();
    pulse.beat(PERIOD_MS);
  };
  round();
  round();
  assert.deepEqual(notifier.told, ["alive", "alive"]);

  isAnswering = false;
  assert.throws(round, /no answer/);
  assert.equal(notifier.told.length, 2, "a kernel that does not answer stops them");

  isAnswering = true;
  clock.advance(PERIOD_MS + 1);
  pulse.beat(PERIOD_MS);
  assert.equal(notifier.told.length, 2, "a loop that stands still stops them");
  pulse.turned();
  pulse.beat(PERIOD_MS);
  assert.equal(notifier.told.length, 3);
});

Deno.test("Pulse tells its status when that has changed", () => {
  const notifier = listener();
  let sessions = 0;
  const pulse = new Pulse(notifier, new ManualClock(), {
    describe: () => statusLine(sessions, "nft"),
    probe: () => {},
  });
  for (sessions of [0, 0, 1, 1, 1234]) pulse.tellStatus();
  assert.deepEqual(notifier.told, [
    "0 sessions through nft",
    "1 session through nft",
    "1,234 sessions through nft",
  ]);
});

Deno.test("Supervision has the sockets of one daemon kept, and those of the one before closed", () => {
  const notifier = listener();
  new Supervision(notifier, [], null).keep([17, 18]);
  assert.deepEqual(notifier.told.splice(0), [
    "store 17 as generation-1-1",
    "store 18 as generation-1-2",
  ]);
  // Two, where one was killed before it had closed its predecessor's. Others' sockets are not ours.
  const inherited = ["generation-7-1", "generation-8-1", "generation-8-2", "web"]
    .map((name, i) => ({ fd: 4000 + i, name }));
  const supervision = new Supervision(notifier, inherited, null);
  supervision.keep([17, 18]);
  assert.deepEqual(notifier.told.splice(0), [
    "store 17 as generation-9-1",
    "store 18 as generation-9-2",
    "forget generation-7-1",
    "forget generation-8-1",
    "forget generation-8-2",
  ]);
  supervision.keep([17, 18]);
  assert.deepEqual(notifier.told, [], "a reload has changed nothing");
  supervision.keep([18, 19]);
  assert.deepEqual(notifier.told, ["store 19 as generation-9-3", "forget generation-9-1"]);
});

Deno.test("Supervision leaves a socket that is used again where it is kept", () => {
  const notifier = listener();
  const inherited = ["generation-7-1", "generation-8-1"].map((name, i) => ({ fd: 4000 + i, name }));
  const supervision = new Supervision(notifier, inherited, null);
  supervision.keep([4001, 17]);
  assert.deepEqual(notifier.told.splice(0), [
    "store 17 as generation-9-1",
    "forget generation-7-1",
  ]);
  supervision.keep([17]);
  assert.deepEqual(notifier.told, ["forget generation-8-1"]);
});
