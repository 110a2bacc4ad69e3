import assert from "node:assert/strict";
import { closing, numberedCall, opening, World } from "../../tests/support/world.ts";
import type { InstanceConfig } from "../config/config.ts";
import type { BackendError } from "../core/backend.ts";
import type { Command } from "../core/plan.ts";
import { RelayEngine } from "./engine.ts";

/** Ten calls fit in. */
const INSTANCE: InstanceConfig = {
  name: "default",
  udp: { host: "127.0.0.1", port: 8080 },
  unix: null,
  internalIp: "10.10.1.1",
  externalIp: "192.0.2.1",
  internalLocal: "10.10.1.1",
  externalLocal: "192.0.2.1",
  startPort: 20000,
  endPort: 20039,
  currentPort: 20000,
};

interface Running {
  readonly world: World;
  readonly engine: RelayEngine;
  /** Carry out commands; the answer is one word each. */
  handle(...commands: readonly Command[]): Promise<readonly string[]>;
  /** Open calls by number; the n-th takes the n-th four ports. */
  open(...numbers: readonly number[]): Promise<void>;
  close(...numbers: readonly number[]): Promise<void>;
  port(): number;
}

async function run(variant: Partial<InstanceConfig> = {}): Promise<Running> {
  const world = await new World().start();
  const instances = [{ ...INSTANCE, ...variant }, {
    ...INSTANCE,
    name: "other",
    currentPort: 30000,
  }];
  const engine = new RelayEngine(world.relay, world.upkeep, (name) => {
    return instances.find((instance) => instance.name === name);
  });
  const handle = async (...commands: readonly Command[]): Promise<readonly string[]> => {
    const outcomes = await engine.handle(commands);
    for (const event of world.takeEvents()) {
      if (event.kind === "opened") engine.noteOpened(event.session);
    }
    return outcomes.map((outcome) => outcome.ok ? outcome.value : outcome.error.reason);
  };
  return {
    world,
    engine,
    handle,
    async open(...numbers) {
      const words = await handle(...numbers.map((n) => opening(numberedCall(n))));
      assert.deepEqual(words, numbers.map(() => "opened"));
    },
    async close(...numbers) {
      await handle(...numbers.map((n) => closing(numberedCall(n))));
    },
    port: () => engine.configOf("default").currentPort,
  };
}

Deno.test("configOf() says what the configuration says while no call is up", async () => {
  const { engine } = await run({ currentPort: 20008 });
  assert.deepEqual(engine.configOf("default"), {
    startPort: 20000,
    endPort: 20039,
    currentPort: 20008,
    internalIp: "10.10.1.1",
    externalIp: "192.0.2.1",
  });
  assert.throws(() => engine.configOf("unknown"), /no instance "unknown"/);
});

Deno.test("configOf() lets Kamailio begin behind the live calls", async () => {
  const { open, close, port } = await run();
  await open(0);
  assert.equal(port(), 20004);
  await open(1, 2);
  assert.equal(port(), 20012);
  // Calls that ring own ports that no session shows: what was freed behind is not used again yet.
  await close(2);
  assert.equal(port(), 20012);
});

Deno.test("configOf() goes round at the end of the range", async () => {
  const { open, close, port } = await run();
  await open(8, 9);
  assert.equal(port(), 20000);
  await open(0);
  assert.equal(port(), 20004);
  await close(8, 9);
  await open(9);
  assert.equal(port(), 20004, "past the call that is still up");
});

Deno.test("configOf() leaves a crowded place for the widest gap", async () => {
  const { open, port } = await run();
  await open(2, 1);
  assert.equal(port(), 20012, "behind the highest port, not the last call's");
  await open(3, 0);
  assert.equal(port(), 20016);
});

/** Let one call alone talk until the others are stale. */
function talkAlone(world: World, relay: string): void {
  for (let second = 0; second < 100; second += 5) {
    assert.ok(world.send("10.10.1.10:6000", relay));
    world.advance(5);
  }
}

Deno.test("configOf() counts the ports of stale calls as free", async () => {
  const { world, open, port } = await run({ endPort: 20011 });
  await open(0, 1);
  talkAlone(world, "10.10.1.1:20002");
  await open(2);
  const states = [...world.table.entries()].map(({ state }) => state);
  assert.deepEqual(states, ["active", "stale", "unheard"]);
  assert.equal(port(), 20004);
});

Deno.test("configOf() follows a call that becomes stale and resumes", async () => {
  const { world, open, port } = await run({ endPort: 20007 });
  await open(0, 1);
  talkAlone(world, "10.10.1.1:20006");
  assert.equal(port(), 20000, "the first call is stale");
  talkAlone(world, "10.10.1.1:20002");
  assert.equal(port(), 20004, "the second call is stale, the first has resumed");
});

const BROKEN: BackendError = { kind: "broken", message: "the test says so" };

Deno.test("handle() mends a data path that somebody has emptied and tries again", async () => {
  const { world, handle, open } = await run();
  await open(0);
  world.backend.kernel.clear();
  const commands = [opening(numberedCall(1)), opening(numberedCall(2)), closing(numberedCall(0))];
  // The call was closed at the first attempt already.
  assert.deepEqual(await handle(...commands), ["opened", "opened", "nothing"]);
  assert.ok(world.send("10.10.1.10:6000", "10.10.1.1:20006"));
  assert.equal(world.send("10.10.1.10:6000", "10.10.1.1:20002"), null);
});

Deno.test("handle() brings the other calls back too", async () => {
  const { world, handle, open } = await run();
  await open(0);
  world.backend.kernel.clear();
  assert.deepEqual(await handle(opening(numberedCall(1))), ["opened"]);
  assert.ok(world.send("10.10.1.10:6000", "10.10.1.1:20002"));
});

Deno.test("handle() tries again from the first that has failed on, each in its place", async () => {
  const { world, handle } = await run();
  world.backend.failures.push(null, BROKEN, null);
  const words = await handle(
    opening(numberedCall(0)),
    opening(numberedCall(1)),
    opening(numberedCall(2)),
    closing(numberedCall(7)),
  );
  assert.deepEqual(words, ["opened", "opened", "updated", "nothing"]);
  assert.deepEqual(world.sessions().map(({ callId }) => callId), ["call-0", "call-1", "call-2"]);
});

Deno.test("handle() tries again once", async () => {
  const { world, handle } = await run();
  world.backend.failures.push(BROKEN, BROKEN);
  assert.deepEqual(await handle(opening()), ["kernel"]);
  assert.deepEqual(await handle(opening()), ["opened"]);
});

Deno.test("handle() does not try again what a healthy data path refuses", async () => {
  const { world, handle } = await run();
  const refusals: readonly (readonly [BackendError["kind"], string])[] = [
    ["full", "full"],
    ["unfit", "malformed"],
  ];
  for (const [kind, word] of refusals) {
    world.backend.failures.push({ ...BROKEN, kind });
    assert.deepEqual(await handle(opening()), [word]);
  }
  assert.equal(world.table.size, 0);
});
