/*
 * What it costs to promote and demote sessions, and to read their statistics, from the daemon's own
 * code: `deno run -A tools/bench/kmod/control.ts [DEVICE]`. Needs the kernel module, and nobody who
 * uses it in this network namespace. With /dev/null for a device it shows the daemon's share.
 */
import { systemClock } from "../../../src/base/clock.ts";
import type { Logger } from "../../../src/base/log.ts";
import { lockedTo } from "../../../src/core/latch.ts";
import { Promotion } from "../../../src/core/promotion.ts";
import { type Flow, flowsOf, type Session } from "../../../src/core/session.ts";
import { newEntry, SessionTable } from "../../../src/core/table.ts";
import { TwoPaths } from "../../../src/core/two_paths.ts";
import { PathKeeper } from "../../../src/daemon/path_keeper.ts";
import { FakeBackend } from "../../../src/fake/backend.ts";
import { DEVICE } from "../../../src/kmod/device.ts";
import { KmodFastPath } from "../../../src/kmod/fast_path.ts";

const SESSIONS = 100_000;
const COUNTED = 20_000;
/** In the first ones, code is compiled and memory is got. */
const ROUNDS = 9;
const THRESHOLDS = { packetsPerSecond: 1, softirqPercent: 1 };

/** The n-th of many calls, of which each has parties of its own. */
function sessionOf(n: number): Session {
  const port = 20_000 + 4 * (n % 2000);
  const step = Math.floor(n / 2000);
  return {
    instance: "default",
    callId: `call-${n}`,
    createdMs: 0,
    a: {
      remote: { address: 0x0a0a_0200 + step, port: 6000 },
      local: { address: 0x0a0a_0101, port: port + 2 },
    },
    b: {
      remote: { address: 0xc000_0300 + step, port: 7000 },
      local: { address: 0xc000_0201, port },
    },
    latches: [lockedTo(6000), lockedTo(6001), lockedTo(7000), lockedTo(7001)],
  };
}

const times = new Map<string, number[]>();

async function timed(what: string, task: () => unknown): Promise<void> {
  const start = performance.now();
  await task();
  times.set(what, [...times.get(what) ?? [], performance.now() - start]);
}

/** Looks at each flow's. */
function readCounts(): void {
  const counts = paths.fastCounts(flows);
  let known = 0;
  flows.forEach((_, i) => known += counts.at(i) ? 1 : 0);
  if (device === DEVICE && known !== flows.length) throw new Error("Counts are missing");
}

const device = Deno.args[0] ?? DEVICE;
const table = new SessionTable();
for (let n = 0; n < SESSIONS; n++) table.add(newEntry(sessionOf(n), 0));
const promotion = new Promotion(() => ({ mode: "nft", thresholds: THRESHOLDS }));
const below = new FakeBackend({ maxSessions: SESSIONS, ranges: [] });
const paths = new TwoPaths(below, new KmodFastPath(device), (each) => promotion.wants(each));
const log: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const keeper = new PathKeeper({
  ...{ paths, promotion, table, clock: systemClock, log },
  softirqPercent: () => 0,
});
const flows = [...table.entries()].slice(0, COUNTED).flatMap(({ session }) => flowsOf(session))
  .filter((flow): flow is Flow => flow !== null);
for (let round = 0; round < ROUNDS; round++) {
  await timed(`${SESSIONS} sessions promoted`, () => keeper.send("all", "kmod"));
  await timed(`${COUNTED} sessions' statistics read`, readCounts);
  await timed(`${SESSIONS} sessions demoted`, () => keeper.send("all", "nft"));
}
for (const [what, all] of times) {
  const sorted = all.toSorted((one, other) => one - other).map((ms) => ms.toFixed(0));
  console.log(`${what}: ${sorted[0]} ms at least, ${sorted[ROUNDS >> 1]} ms median`);
}
