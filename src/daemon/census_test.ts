import assert from "node:assert/strict";
import { INSTANCE } from "../../tests/support/daemon.ts";
import { numberedCall, opening, World } from "../../tests/support/world.ts";
import type { InstanceConfig } from "../config/config.ts";
import { allStates, type Census, isOneWay, takeCensus } from "./census.ts";

async function open(): Promise<World> {
  return await new World().start();
}

function census(world: World, instances: readonly InstanceConfig[]): Promise<Census> {
  return takeCensus(world.table.entries(), {
    ...{ instances, nowMs: world.clock.now() },
    pathOf: () => "nft",
  });
}

Deno.test("allStates() counts the sessions of each state", async () => {
  const world = await open();
  world.handle(...[0, 1, 2].map((n) => opening(numberedCall(n))));
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(30);
  const count = async () => allStates(await census(world, [INSTANCE]));
  assert.deepEqual(await count(), { unheard: 2, active: 1, stale: 0 });
  world.advance(60);
  assert.equal((await count()).active, 0);
});

Deno.test("isOneWay() finds calls of which one party was never heard, once they are 30 s old", async () => {
  const [caller, callee] = [
    ["10.10.1.10:6000", "10.10.1.1:20002"],
    ["192.0.2.20:7000", "192.0.2.1:20000"],
  ] as const;
  const cases = [
    ["only the caller speaks", [caller], {}, true],
    ["only the callee speaks", [callee], {}, true],
    ["both speak", [caller, callee], {}, false],
    ["nobody speaks", [], {}, false],
    ["the callee is on hold", [callee], { dnatPort: "0" }, false],
  ] as const;
  for (const [name, speakers, variant, expected] of cases) {
    const world = await open();
    const seems = (): boolean => isOneWay(world.only(), world.clock.now());
    world.handle(opening());
    for (const [from, to] of speakers) world.send(from, to);
    world.advance(5);
    world.handle(opening(variant));
    world.advance(29);
    assert.equal(seems(), false, `${name}, after 29 s`);
    world.advance(2);
    assert.equal(seems(), expected, name);
  }
});

Deno.test("takeCensus() counts ports, RTP and RTCP, of sessions that are not stale, each port once", async () => {
  const second = { ...INSTANCE, name: "second", startPort: 40000, endPort: 40099 };
  const world = await open();
  const count = async () => (await census(world, [INSTANCE, second])).ports;
  assert.deepEqual(await count(), [
    { instance: "default", inUse: 0, free: 1000, calls: 0, room: 250 },
    { instance: "second", inUse: 0, free: 100, calls: 0, room: 25 },
  ]);
  // Two calls with four ports each, and one whose parties talk to the same port.
  const shared = { callId: "shared", dstPort: "20100", snatPort: "20100" };
  world.handle(...[numberedCall(0), numberedCall(1), shared].map(opening));
  assert.deepEqual((await count())[0], {
    ...{ instance: "default", inUse: 10, free: 990 },
    ...{ calls: 3, room: 250 },
  });
  // RTCP of the last port lies behind the range.
  world.handle(opening({ callId: "last", dstPort: "20999", snatPort: "20997" }));
  assert.deepEqual((await count())[0], {
    ...{ instance: "default", inUse: 13, free: 987 },
    ...{ calls: 4, room: 250 },
  });
  world.advance(120);
  assert.equal((await count())[0]?.inUse, 0);
});

Deno.test("takeCensus() looks at thousands of sessions in parts, and at each once", async () => {
  const world = await new World({ maxSessions: 6000 }).start();
  world.handle(...Array.from({ length: 6000 }, (_, n) => opening(numberedCall(n))));
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  const { states, oneWay } = await census(world, [INSTANCE]);
  clearInterval(timer);
  assert.deepEqual([states.nft, oneWay], [{ unheard: 6000, active: 0, stale: 0 }, {
    caller: 0,
    callee: 0,
    of: 0,
  }]);
  assert.ok(turns > 0);
});

Deno.test("takeCensus() counts whose RTP alone is heard, of the calls that can be told", async () => {
  const world = await open();
  const caller = (n: number) => world.send("10.10.1.10:6000", `10.10.1.1:${20002 + 4 * n}`);
  const callee = (n: number) => world.send("192.0.2.20:7000", `192.0.2.1:${20000 + 4 * n}`);
  world.handle(...[0, 1, 2, 3].map((n) => opening(numberedCall(n))));
  world.handle(opening({ ...numberedCall(4), dnatPort: "0" }));
  for (const n of [0, 1, 2, 4]) caller(n);
  for (const n of [2, 3]) callee(n);
  world.advance(31);
  world.handle(opening(numberedCall(5)));
  caller(5);
  world.advance(1);
  const { oneWay } = await census(world, [INSTANCE]);
  assert.deepEqual(oneWay, { caller: 2, callee: 1, of: 4 });
});

Deno.test("takeCensus() tells what was not looked at since the start from what was never heard", async () => {
  const before = await open();
  before.handle(...[0, 1, 2].map((n) => opening(numberedCall(n))));
  before.send("10.10.1.10:6000", "10.10.1.1:20002");
  before.advance(30);
  const world = await new World({ kernel: before.backend.kernel, clock: before.clock }).start();
  const { unread, ...taken } = await census(world, [INSTANCE]);
  assert.deepEqual([allStates({ unread, ...taken }), unread], [
    { unheard: 2, active: 1, stale: 0 },
    2,
  ]);
  world.advance(30);
  assert.equal((await census(world, [INSTANCE])).unread, 0);
});
