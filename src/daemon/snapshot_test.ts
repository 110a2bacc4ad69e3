import assert from "node:assert/strict";
import { keeperOf } from "../../tests/support/paths.ts";
import { config } from "../../tests/golden/views.ts";
import { closing, numberedCall, opening, World } from "../../tests/support/world.ts";
import { ManualClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Inbox } from "../control/inbox.ts";
import { NetlinkMeter } from "../nft/netlink_meter.ts";
import { Drain } from "./drain.ts";
import { RelayEngine } from "./engine.ts";
import { Journal } from "./journal.ts";
import { LoopLag } from "./loop_lag.ts";
import { settingsOf } from "./settings.ts";
import { Recorder } from "./snapshot.ts";

const SILENCE: Logger = { debug() {}, info() {}, warn() {}, error() {} };

async function open(): Promise<{ world: World; recorder: Recorder }> {
  const clock = new ManualClock();
  const journal = new Journal(SILENCE, { clock, config });
  const world = await new World({ clock, listen: (event) => journal.record(event) }).start();
  const { relay, upkeep, sources, paths: backend } = world;
  const engine = new RelayEngine(relay, upkeep, (name) => {
    return config().instances.find((instance) => instance.name === name);
  });
  const parts = {
    ...{ config: config(), log: SILENCE, clock, backend, relay, sources, upkeep, engine },
    current: { settings: settingsOf(config(), []) },
    drain: new Drain(clock, () => world.table.size),
    netlink: new NetlinkMeter(),
    paths: keeperOf(world),
    journal,
    inbox: new Inbox(engine, () => {}),
  };
  const notReady = (): string | null => backend.probe();
  const recorder = new Recorder({ parts, lag: new LoopLag(), warnings: () => 2, notReady });
  return { world, recorder };
}

Deno.test("Recorder gathers what the parts know", async () => {
  const { world, recorder } = await open();
  world.handle(opening(numberedCall(0)), opening(numberedCall(1)));
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(1);
  world.handle(closing(numberedCall(0)));
  world.advance(4);
  const { sessions, ports, media, uptimeSeconds, process, warnings, isReady, room, heard } =
    await recorder
      .snapshot();
  assert.deepEqual(sessions, {
    nft: { unheard: 1, active: 0, stale: 0 },
    kmod: { unheard: 0, active: 0, stale: 0 },
  });
  assert.deepEqual(ports, [
    { instance: "default", inUse: 4, free: 9996, calls: 1, room: 2500 },
    { instance: "second", inUse: 0, free: 996, calls: 0, room: 249 },
  ]);
  assert.deepEqual([media?.relayed.packets, heard?.ended.caller, heard?.oneWay], [1, 1, 0]);
  assert.deepEqual([uptimeSeconds, warnings, isReady, room], [5, 2, true, 1000]);
  assert.equal(process.startEpochSeconds, world.clock.startEpochMs / 1000);
  assert.ok(process.residentBytes > 1e6 && process.cpuSeconds > 0 && (process.openFiles ?? 0) > 2);
});

Deno.test("Recorder reads strangers now and then, and not while the data path is broken", async () => {
  const { world, recorder } = await open();
  const sources = async (): Promise<number> => (await recorder.snapshot()).strangers;
  const knock = (from: string): void => {
    assert.equal(world.send(from, "10.10.1.1:20002"), null);
  };
  knock("10.10.1.66:1");
  assert.equal(await sources(), 1);
  knock("10.10.1.66:2");
  assert.equal(await sources(), 1);
  world.clock.advance(10_000);
  assert.equal(await sources(), 2);
  world.clock.advance(10_000);
  world.backend.kernel.clear();
  const { isReady, warnings, room, media } = await recorder.snapshot();
  assert.deepEqual([isReady, warnings, room, media], [false, null, 25_000, null]);
  assert.equal(await sources(), 2);
});
