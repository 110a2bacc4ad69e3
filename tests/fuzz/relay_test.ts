import assert from "node:assert/strict";
import fc from "fast-check";
import { fastFlowsOf } from "../../src/core/fast_path.ts";
import { FakeModule } from "../../src/fake/fast_path.ts";
import type { PathName } from "../../src/core/two_paths.ts";
import type { Command } from "../../src/core/plan.ts";
import { flowKeysOf, flowKeyText, identityOf } from "../../src/core/session.ts";
import { closing, opening, World } from "../support/world.ts";

/* Anything in any order: after every step the kernel holds what the table says, and nothing else. */

const MAX_SESSIONS = 5;

type Step = (world: World) => World | void | Promise<World | void>;

const fields = fc.record({
  srcIp: fc.constantFrom("10.10.1.10", "10.10.1.10", "10.10.1.11", "0.0.0.0", "fd00::1"),
  srcPort: fc.constantFrom("6000", "6000", "6001", "0"),
  dnatIp: fc.constantFrom("192.0.2.20", "192.0.2.20", "10.10.1.10", "0.0.0.0", "192.0.2.1"),
  dnatPort: fc.constantFrom("7000", "7000", "7010", "0"),
  dstPort: fc.constantFrom("20000", "20000", "20004", "20001", ""),
  snatPort: fc.constantFrom("20002", "20002", "20000", "20006"),
  snatIp: fc.constantFrom("10.10.1.1", "10.10.1.1", "192.0.2.1"),
  callId: fc.constantFrom("call-1", "call-1", "call-2", "call-3"),
});

const commands = fc.tuple(fc.boolean(), fields)
  .map(([isOpening, each]) => isOpening ? opening(each) : closing(each));

/** Some of them are of the call that most commands are about. */
const likelyPackets = fc.constantFrom(
  { from: "10.10.1.10", port: 6000, to: "10.10.1.1", relayPort: 20002 },
  { from: "10.10.1.10", port: 41000, to: "10.10.1.1", relayPort: 20002 },
  { from: "10.10.1.10", port: 6001, to: "10.10.1.1", relayPort: 20003 },
  { from: "192.0.2.20", port: 7000, to: "192.0.2.1", relayPort: 20000 },
  { from: "192.0.2.20", port: 7010, to: "192.0.2.1", relayPort: 20000 },
);

const packets = fc.oneof(
  likelyPackets,
  fc.record({
    from: fc.constantFrom("10.10.1.10", "10.10.1.11", "192.0.2.20"),
    port: fc.constantFrom(6000, 6001, 7000, 7001, 41000),
    to: fc.constantFrom("10.10.1.1", "192.0.2.1"),
    relayPort: fc.constantFrom(20000, 20001, 20002, 20003, 20004, 20006),
  }),
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.array(commands, { minLength: 1, maxLength: 4 }).map(toBatch) },
  { weight: 6, arbitrary: packets.map(toPacket) },
  { weight: 4, arbitrary: fc.constantFrom(0.05, 1, 4, 30, 100, 1000).map(toPause) },
  { weight: 1, arbitrary: fc.constantFrom("broken", "full", "conflict").map(toFailure) },
  { weight: 1, arbitrary: fc.constant(restart) },
  { weight: 1, arbitrary: fc.constant(damage) },
  { weight: 1, arbitrary: fc.boolean().map(toModule) },
  { weight: 1, arbitrary: fc.constantFrom(0, 3, Infinity).map(toRoom) },
  { weight: 1, arbitrary: fc.constantFrom("nft", "kmod", null).map(toPath) },
);

/** The kernel module goes, or comes, or comes anew. */
function toModule(isThere: boolean): Step {
  return async (world) => {
    world.module.reload(isThere);
    await world.upkeep.watch();
    settle(world);
  };
}

function toRoom(room: number): Step {
  return (world) => {
    world.module.room = Math.max(room, world.module.flows.size);
    settle(world);
  };
}

function toPath(path: PathName | null): Step {
  return (world) => {
    world.promotion.pin("all", path);
    settle(world);
  };
}

function settle({ paths, table }: World): void {
  paths.settle([...table.entries()].map(({ session }) => session));
}

function toBatch(batch: readonly Command[]): Step {
  return (world) => {
    const outcomes = world.handle(...batch);
    assert.equal(outcomes.length, batch.length);
    assert.ok(outcomes.every((outcome) => outcome !== undefined));
  };
}

function toPacket(
  { from, port, to, relayPort }: { from: string; port: number; to: string; relayPort: number },
): Step {
  return (world) => {
    LAST_SENT.set(world, world.send(`${from}:${port}`, `${to}:${relayPort}`));
  };
}

/** Where the last packet of a world has gone. */
const LAST_SENT = new WeakMap<World, string | null>();

function toPause(seconds: number): Step {
  return (world) => world.advance(seconds);
}

function toFailure(kind: "broken" | "full" | "conflict"): Step {
  return (world) => void world.backend.failures.push({ kind, message: "the test says so" });
}

function restart({ backend: { kernel }, module, clock }: World): Promise<World> {
  return new World({ maxSessions: MAX_SESSIONS, kernel, module, mode: "kmod", clock }).start();
}

async function damage(world: World): Promise<void> {
  world.backend.kernel.clear();
  await world.upkeep.watch();
}

/** What is in the module is a flow of a session just as that is now, and known to be there. */
function assertModuleConsistent({ table, module, paths }: World): void {
  let known = 0;
  for (const { session } of table.entries()) {
    const carried = paths.fastFlowsOf(session);
    fastFlowsOf(session).forEach((flow, index) => {
      if (!carried[index]) return;
      known++;
      if (!module.isThere) return;
      assert.deepEqual(flow && module.flows.get(flowKeyText(flow.key))?.flow, flow);
    });
  }
  if (module.isThere) assert.equal(module.flows.size, known);
}

function assertConsistent(world: World): void {
  assertModuleConsistent(world);
  const { table, backend: { kernel } } = world;
  const sessions = [...table.entries()].map(({ session }) => session);
  const keys = sessions.flatMap(flowKeysOf).map(flowKeyText);
  assert.ok(sessions.length <= MAX_SESSIONS);
  assert.equal(new Set(keys).size, keys.length, "no two calls own a flow");
  assert.equal(kernel.records.size, sessions.length);
  assert.equal(kernel.flows.size, keys.length);
  for (const session of sessions) {
    assert.equal(kernel.missing(session), 0);
    assert.equal(table.get(identityOf(session))?.session, session);
    for (const key of flowKeysOf(session)) assert.equal(table.owner(key)?.session, session);
    for (const { locked, open, sendTo } of session.latches) {
      // What the kernel's record of a session can say.
      assert.ok(locked === 0 ? open && sendTo === 0 : sendTo === locked || (open && sendTo === 0));
    }
  }
}

Deno.test("the kernel holds what the table says, whatever happens in whatever order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 60, size: "max" }),
      async (script) => {
        let world = await new World({
          ...{ maxSessions: MAX_SESSIONS, module: new FakeModule(), mode: "kmod" },
        }).start();
        for (const step of script) {
          world = await step(world) ?? world;
          assertConsistent(world);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("the kernel module changes nothing but the way that packets take", async () => {
  const script = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.array(commands, { minLength: 1, maxLength: 4 }).map(toBatch) },
      { weight: 8, arbitrary: packets.map(toPacket) },
      { weight: 4, arbitrary: fc.constantFrom(0.05, 1, 4, 30).map(toPause) },
      { weight: 2, arbitrary: fc.constantFrom("nft", "kmod").map(toPath) },
    ),
    { minLength: 20, maxLength: 60, size: "max" },
  );
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const plain = await new World({ maxSessions: MAX_SESSIONS }).start();
      const module = new FakeModule();
      const fast = await new World({ maxSessions: MAX_SESSIONS, module, mode: "kmod" }).start();
      for (const step of steps) {
        for (const world of [plain, fast]) await step(world);
        assert.equal(LAST_SENT.get(plain), LAST_SENT.get(fast));
        assert.deepEqual(plain.sessions(), fast.sessions());
        const [one, other] = [plain, fast].map((world) => {
          world.upkeep.refresh([...world.table.entries()]);
          return [...world.table.entries()].map(({ samples, state }) => [samples, state]);
        });
        assert.deepEqual(one, other);
        assert.deepEqual(plain.paths.totals(), fast.paths.totals());
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a batch does what its commands do one after the other", async () => {
  const talk = fc.array(fc.oneof(packets.map(toPacket), fc.constant(toPause(1))), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(commands, { maxLength: 6 }),
      talk,
      fc.array(commands, { maxLength: 6 }),
      async (first, media, second) => {
        const worlds = [new World({ maxSessions: 3 }), new World({ maxSessions: 3 })] as const;
        for (const world of worlds) {
          await world.start();
          for (const command of first) world.handle(command);
          for (const step of media) await step(world);
          // A plan reads counts, which would otherwise show media that the other world never saw.
          world.upkeep.refresh([...world.table.entries()]);
        }
        const [together, apart] = worlds;
        assert.deepEqual(
          together.handle(...second),
          second.flatMap((command) => apart.handle(command)),
        );
        assert.deepEqual(together.sessions(), apart.sessions());
        assertConsistent(together);
      },
    ),
    { numRuns: 2000 },
  );
});
