import assert from "node:assert/strict";
import { closing, numberedCall, opening, World } from "../../tests/support/world.ts";
import type { BackendError } from "./backend.ts";
import type { RelayEvent } from "./events.ts";
import type { Command } from "./plan.ts";
import { flowsOf } from "./session.ts";

const BROKEN: BackendError = { kind: "broken", message: "the test says so" };
const FULL: BackendError = { kind: "full", message: "the test says so" };

function started(options: ConstructorParameters<typeof World>[0] = {}): Promise<World> {
  return new World(options).start();
}

/** Let media arrive, and time pass so that it is seen. */
function speak(world: World, from = "10.10.1.10:6000", to = "10.10.1.1:20002"): void {
  assert.notEqual(world.send(from, to), null);
}

function kinds(events: readonly RelayEvent[]): readonly string[] {
  return events.map((event) => event.kind === "ended" ? `ended ${event.reason}` : event.kind);
}

Deno.test("Relay.handle() answers a batch as it would one after the other", async () => {
  const batches: readonly (readonly Command[])[] = [
    [opening(), closing()],
    [opening(), closing(), opening()],
    [opening(), closing(), closing()],
    [closing(), opening()],
    [opening(), opening({ dnatPort: "7010" }), closing()],
    [opening(), opening({ callId: "rival" }), closing()],
    [opening(), opening({ callId: "rival" }), closing({ callId: "rival" })],
    [opening(), closing({ callId: "nobody" }), opening(numberedCall(1)), closing(numberedCall(1))],
    [opening({ dnatIp: "fd00::1" }), opening(), closing()],
    [opening(numberedCall(1)), opening(numberedCall(2)), opening(numberedCall(3))],
  ];
  for (const [i, batch] of batches.entries()) {
    for (const maxSessions of [2, 1000]) {
      const [together, apart] = [await started({ maxSessions }), await started({ maxSessions })];
      const outcomes = together.handle(...batch);
      assert.deepEqual(outcomes, batch.flatMap((command) => apart.handle(command)), `batch ${i}`);
      assert.deepEqual(together.sessions(), apart.sessions(), `batch ${i}`);
      assert.deepEqual(kinds(together.takeEvents()), kinds(apart.takeEvents()), `batch ${i}`);
    }
  }
});

Deno.test("Relay.handle() honours a D of the same batch before it calls an S a collision", async () => {
  const world = await started();
  world.handle(opening());
  speak(world);
  assert.deepEqual(world.handle(closing(), opening({ callId: "next" })), ["closed", "opened"]);
});

Deno.test("Relay never opens more sessions than it may", async () => {
  const world = await started({ maxSessions: 3 });
  const calls = [1, 2, 3, 4, 5].map((n) => opening(numberedCall(n)));
  assert.deepEqual(world.handle(...calls), ["opened", "opened", "opened", "full", "full"]);
  // An update and a replacement need no room, and a D makes some.
  const inTheWay = { ...numberedCall(1), callId: "rival" };
  assert.deepEqual(world.handle(opening(numberedCall(2)), opening(inTheWay)), [
    "updated",
    "opened",
  ]);
  assert.deepEqual(world.handle(closing(inTheWay), opening(numberedCall(4))), ["closed", "opened"]);
  assert.equal(world.table.size, 3);
});

Deno.test("Relay leaves a session as it was when the data path fails", async () => {
  const world = await started();
  world.backend.failures.push(BROKEN);
  assert.deepEqual(world.handle(opening()), ["kernel"]);
  assert.equal(world.table.size, 0);
  world.backend.failures.push(FULL);
  assert.deepEqual(world.handle(opening()), ["full"]);
  world.handle(opening());
  const before = world.only().session;
  world.backend.failures.push(BROKEN, BROKEN);
  assert.deepEqual(world.handle(opening({ dnatPort: "7010" })), ["kernel"]);
  assert.deepEqual(world.handle(closing()), ["kernel"]);
  assert.deepEqual(world.only().session, before);
  assert.deepEqual(world.handle(closing()), ["closed"]);
});

Deno.test("Relay keeps a rival when its replacement fails", async () => {
  const world = await started();
  world.handle(opening());
  world.backend.failures.push(BROKEN);
  assert.deepEqual(world.handle(opening({ callId: "rival" })), ["kernel"]);
  assert.equal(world.only().session.callId, "call-1");
  assert.ok(flowsOf(world.only().session).every((flow) => flow && world.backend.count([flow])[0]));
});

Deno.test("Relay fails one command of a batch alone", async () => {
  const world = await started();
  world.backend.failures.push(null, BROKEN, null);
  const calls = [1, 2, 3].map((n) => opening(numberedCall(n)));
  assert.deepEqual(world.handle(...calls), ["opened", "kernel", "opened"]);
  assert.deepEqual(world.sessions().map(({ callId }) => callId), ["call-1", "call-3"]);
});

Deno.test("Relay.end() keeps what the data path would not give up, for another try", async () => {
  const world = await started();
  world.handle(opening(numberedCall(1)), opening(numberedCall(2)));
  world.takeEvents();
  world.backend.failures.push(BROKEN);
  assert.equal(world.relay.end([...world.table.entries()], "dropped"), 1);
  assert.deepEqual(kinds(world.takeEvents()), ["backend-error", "ended dropped"]);
  assert.equal(world.relay.end([...world.table.entries()], "dropped"), 1);
  assert.equal(world.table.size, 0);
});
