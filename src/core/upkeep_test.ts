import assert from "node:assert/strict";
import { closing, LIMITS, numberedCall, opening, World } from "../../tests/support/world.ts";
import { FakeBackend } from "../fake/backend.ts";
import { flowKeyText, flowOf, identityText } from "./session.ts";

const FOR_CALLER = "10.10.1.1:20002";

async function inCall(limits: Partial<typeof LIMITS> = {}): Promise<World> {
  const world = await new World({ limits }).start();
  world.handle(opening());
  return world;
}

function endings(world: World): readonly string[] {
  return world.takeEvents().flatMap((event) => event.kind === "ended" ? [event.reason] : []);
}

function kinds(world: World): readonly string[] {
  return world.takeEvents().map(({ kind }) => kind);
}

Deno.test("Upkeep finds a silent call stale, and alive again when media resumes", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", FOR_CALLER);
  world.advance(20);
  assert.equal(world.only().state, "active");
  world.takeEvents();
  world.advance(80);
  assert.equal(world.only().state, "stale");
  assert.ok(world.send("10.10.1.10:6000", FOR_CALLER), "a stale call still relays");
  world.advance(20);
  assert.equal(world.only().state, "active");
  assert.deepEqual(kinds(world), ["stale", "resumed"]);
});

Deno.test("Upkeep takes RTCP alone, from either side, for life", async () => {
  for (
    const [from, to] of [["10.10.1.10:6001", "10.10.1.1:20003"], [
      "192.0.2.20:7001",
      "192.0.2.1:20001",
    ]]
  ) {
    const world = await inCall();
    for (let i = 0; i < 60; i++) {
      assert.ok(world.send(from ?? "", to ?? ""));
      world.advance(5);
    }
    assert.equal(world.only().state, "active");
  }
});

Deno.test("Upkeep removes a call that has been silent for stale_limit", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", FOR_CALLER);
  world.advance(3590);
  assert.equal(world.table.size, 1);
  world.advance(60);
  assert.equal(world.table.size, 0);
  assert.deepEqual(endings(world), ["silent"]);
  assert.equal(world.send("10.10.1.10:6000", FOR_CALLER), null);
});

Deno.test("Upkeep removes a call that was never heard sooner", async () => {
  const world = await inCall();
  world.advance(170);
  assert.equal(world.table.size, 1);
  world.advance(30);
  assert.equal(world.table.size, 0);
  assert.deepEqual(endings(world), ["never-heard"]);
});

Deno.test("Upkeep removes a silent call at 60 s where Kamailio 5.6 never says D", async () => {
  const world = await inCall({ staleLimitSeconds: 60 });
  world.send("10.10.1.10:6000", FOR_CALLER);
  world.advance(50);
  assert.equal(world.table.size, 1);
  world.advance(30);
  assert.equal(world.table.size, 0);
});

Deno.test("Upkeep counts time from the last S where a call was never heard", async () => {
  const world = await inCall();
  world.advance(170);
  // Answered at last, after long ringing.
  world.handle(opening());
  world.advance(60);
  assert.equal(world.table.size, 1);
});

Deno.test("Upkeep counts time from the last S where a call was held for long", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", FOR_CALLER);
  world.handle(opening({ dnatPort: "0" }));
  world.advance(3590);
  world.handle(opening());
  world.advance(60);
  assert.equal(world.table.size, 1);
});

Deno.test("Upkeep knows a call that another daemon has left by what it hears itself", async () => {
  const first = await inCall();
  first.send("10.10.1.10:6000", FOR_CALLER);
  first.advance(100);
  const next = await new World({ kernel: first.backend.kernel, clock: first.clock }).start();
  next.advance(50);
  assert.equal(next.table.size, 1);
  assert.equal(next.only().state, "active", "the counts show that it was heard once");
});

Deno.test("Upkeep looks at every call, many at once", async () => {
  const world = await new World().start();
  const calls = Array.from({ length: 200 }, (_, n) => opening(numberedCall(n)));
  world.handle(...calls);
  world.advance(600);
  assert.equal(world.table.size, 0);
  assert.equal(endings(world).length, 200);
});

Deno.test("Upkeep judges no call by a part of its flows, many as they are", async () => {
  const world = await new World().start();
  const calls = Array.from({ length: 400 }, (_, n) => numberedCall(n));
  world.handle(...calls.map((call) => opening(call)));
  const speak = (from: string, to: string, first: number): void => {
    for (let n = 0; n < 400; n++) assert.ok(world.send(from, `${to}:${first + 4 * n}`));
  };
  speak("10.10.1.10:6000", "10.10.1.1", 20002);
  world.advance(20);
  // From now on the callees alone speak, and only RTCP.
  for (let n = 0; n < 20; n++) {
    speak("192.0.2.20:7001", "192.0.2.1", 20001);
    world.advance(20);
    assert.ok([...world.table.entries()].every(({ state }) => state === "active"));
  }
  world.advance(100);
  assert.ok([...world.table.entries()].every(({ state }) => state === "stale"));
});

Deno.test("Upkeep survives that calls come and go while it goes around", async () => {
  const world = await new World().start();
  for (let n = 0; n < 400; n++) {
    world.handle(opening(numberedCall(n)));
    if (n % 3 > 0) world.handle(closing(numberedCall(n - 1)));
    world.send("10.10.1.10:6000", `10.10.1.1:${20002 + 4 * n}`);
    world.advance(0.25);
  }
  assert.equal(world.table.size, 134);
  world.advance(180);
  assert.ok([...world.table.entries()].every(({ state }) => state === "stale"));
});

Deno.test("Upkeep.refresh() reads every flow now", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", FOR_CALLER);
  world.send("192.0.2.20:7001", "192.0.2.1:20001");
  world.upkeep.refresh([world.only()]);
  assert.deepEqual(world.only().samples.map(({ packets }) => packets), [1, 0, 0, 1]);
  assert.equal(world.only().state, "active");
});

Deno.test("Upkeep.watch() mends what somebody else has done, and says so", async () => {
  const world = await inCall();
  await world.upkeep.watch();
  assert.deepEqual(kinds(world), ["opened"]);
  world.backend.kernel.clear();
  await world.upkeep.watch();
  assert.ok(world.send("10.10.1.10:6000", FOR_CALLER));
  assert.deepEqual(kinds(world), ["mended"]);
  await world.upkeep.watch();
  assert.deepEqual(kinds(world), []);
});

Deno.test("Upkeep notices that one of many calls has lost an element", async () => {
  const world = await new World().start();
  const calls = Array.from({ length: 50 }, (_, n) => opening(numberedCall(n)));
  world.handle(...calls);
  const victim = [...world.table.entries()][40];
  const flow = victim && flowOf(victim.session, 3);
  world.backend.kernel.flows.delete(flow ? flowKeyText(flow.key) : "");
  await world.upkeep.watch();
  assert.equal(flow && world.backend.count([flow])[0], null, "it is not among those looked at");
  world.advance(90);
  await world.upkeep.watch();
  assert.notEqual(flow && world.backend.count([flow])[0], null);
});

Deno.test("Upkeep.mend() takes away what belongs to no call", async () => {
  const world = await inCall();
  const other = new FakeBackend({ maxSessions: 10, ranges: [] }, world.backend.kernel);
  const { session } = world.only();
  const orphan = {
    ...session,
    callId: "orphan",
    a: { ...session.a, local: { address: 9, port: 9 } },
    b: { ...session.b, local: { address: 9, port: 19 } },
  };
  other.apply([{ before: [], after: orphan }]);
  await world.upkeep.mend();
  assert.deepEqual([...world.backend.kernel.records.keys()], [identityText(session)]);
  assert.equal(world.backend.kernel.flows.size, 4);
});

Deno.test("Upkeep keeps a call that the data path would not give up, and tries again", async () => {
  const world = await inCall();
  world.advance(170);
  world.backend.failures.push({ kind: "broken", message: "the test says so" });
  world.advance(200);
  assert.equal(world.table.size, 0);
  assert.ok(world.events.some(({ kind }) => kind === "backend-error"));
});
