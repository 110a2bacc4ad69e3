import assert from "node:assert/strict";
import { FakeModule, FULL } from "../fake/fast_path.ts";
import { closing, numberedCall, opening, World } from "../../tests/support/world.ts";
import { keeperOf } from "../../tests/support/paths.ts";
import type { PathMode } from "../core/promotion.ts";
import { ABSENT } from "../fake/fast_path.ts";

const CALLER = "10.10.1.10:6000";
const FOR_CALLER = "10.10.1.1:20002";

async function start(mode: PathMode, module = new FakeModule()): Promise<World> {
  return await new World({ mode, module, maxSessions: 3000 }).start();
}

/** Open a call of which both parties' RTP is heard and locked. */
function talk(world: World): void {
  world.handle(opening());
  world.send(CALLER, FOR_CALLER);
  world.send("192.0.2.20:7000", "192.0.2.1:20000");
  world.advance(1);
}

Deno.test("PathKeeper promotes in auto while there is much to do", async () => {
  const world = await start("auto");
  const keeper = keeperOf(world);
  talk(world);
  await keeper.look();
  for (let i = 0; i < 1000; i++) world.send(CALLER, FOR_CALLER);
  world.advance(1);
  await keeper.look();
  assert.deepEqual([world.module.flows.size, keeper.view().packetsPerSecond], [2, 1000]);
  assert.equal(keeper.view().reason, null);
  for (let i = 0; i < 31; i++) {
    world.advance(1);
    await keeper.look();
  }
  assert.equal(world.module.flows.size, 0);
  assert.match(keeper.view().reason ?? "", /the load is low: 0 packets\/s/);
  assert.equal(world.only().samples[0].packets, 1001);
});

Deno.test("PathKeeper promotes in auto while the CPUs are busy with packets", async () => {
  const world = await start("auto");
  const keeper = keeperOf(world, { softirqPercent: 26 });
  talk(world);
  await keeper.look();
  world.advance(1);
  await keeper.look();
  assert.equal(world.module.flows.size, 2);
});

Deno.test("PathKeeper.pathOf() says why not all of a call is in the kernel module", async () => {
  const world = await start("kmod");
  const keeper = keeperOf(world);
  talk(world);
  assert.deepEqual(keeper.pathOf(world.only()), {
    path: "kmod",
    pathReason: "the caller's RTCP, the callee's RTCP: not heard yet",
  });
  world.module.reload(false);
  world.paths.isIntact([]);
  await keeper.look();
  assert.deepEqual(keeper.pathOf(world.only()), { path: "nft", pathReason: ABSENT });
});

Deno.test("PathKeeper puts everything back when the kernel module comes again", async () => {
  const world = await start("kmod");
  const keeper = keeperOf(world);
  talk(world);
  await keeper.look();
  world.module.reload(false);
  await world.upkeep.watch();
  await keeper.look();
  assert.equal(keeper.view().kmod, null);
  world.module.reload(true);
  await world.upkeep.watch();
  await keeper.look();
  assert.equal(keeper.view().kmod?.flows, 2);
  world.module.reload(true);
  await world.upkeep.watch();
  await keeper.look();
  assert.equal(keeper.view().kmod?.flows, 2, "it was unloaded and loaded between two looks");
});

Deno.test("PathKeeper offers again what there was no room for", async () => {
  const world = await start("kmod");
  world.module.room = 1;
  const keeper = keeperOf(world);
  talk(world);
  await keeper.look();
  assert.equal(world.module.flows.size, 1);
  world.module.room = 10;
  await keeper.look();
  assert.equal(world.module.flows.size, 1);
  world.advance(10);
  await keeper.look();
  assert.equal(world.module.flows.size, 2);
});

Deno.test("PathKeeper.send() moves calls by hand at once, and a call that is over is forgotten", async () => {
  const world = await start("nft");
  const keeper = keeperOf(world);
  talk(world);
  const { callId } = world.only().session;
  assert.deepEqual(await keeper.send({ callId }, "kmod"), {
    ...{ sessions: 1, kmod: 1, obstacle: null },
  });
  assert.deepEqual(keeper.view().byHand, ["1 single calls"]);
  assert.equal((await keeper.send({ callId }, null)).kmod, 0);
  assert.equal((await keeper.send({ instance: "default" }, "kmod")).kmod, 1);
  assert.equal((await keeper.send({ instance: "other" }, "nft")).sessions, 0);
  assert.equal((await keeper.send("all", "nft")).kmod, 0);
  assert.deepEqual(keeper.view().byHand, ["all sessions: nft"]);
  assert.equal((await keeper.send("all", null)).kmod, 0);
  world.module.room = 0;
  assert.deepEqual(await keeper.send("all", "kmod"), { sessions: 1, kmod: 0, obstacle: FULL });
});

Deno.test("PathKeeper moves thousands of calls, while others come and go", async () => {
  const world = await start("nft");
  const keeper = keeperOf(world);
  world.handle(...Array.from({ length: 2500 }, (_, n) => opening(numberedCall(n))));
  for (const { session } of world.table.entries()) {
    const { a } = session;
    world.send(text(a.remote), text(a.local));
  }
  world.advance(1);
  const moved = keeper.send("all", "kmod");
  world.handle(closing(numberedCall(2499)), closing(numberedCall(0)));
  assert.deepEqual(await moved, { sessions: 2498, kmod: 2498, obstacle: null });
  assert.equal(world.module.flows.size, 2498);
  assert.ok(world.paths.isIntact([]));
});

function text({ address, port }: { readonly address: number; readonly port: number }): string {
  return `${[24, 16, 8, 0].map((shift) => address >>> shift & 255).join(".")}:${port}`;
}
