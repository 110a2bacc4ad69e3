import assert from "node:assert/strict";
import { closing, opening, World } from "../../tests/support/world.ts";
import { namesIn, type Plan, planCommand } from "./plan.ts";
import { flowKeysOf, flowKeyText, identityOf, identityText, type Session } from "./session.ts";

async function inCall(): Promise<World> {
  const world = await new World().start();
  world.handle(opening());
  return world;
}

function namesOf(session: Session): readonly string[] {
  return [identityText(session), ...flowKeysOf(session).map(flowKeyText)];
}

function openPlan(plan: Plan): Extract<Plan, { kind: "open" }> {
  if (plan.kind !== "open") throw new Error(`The plan is to ${plan.kind}`);
  return plan;
}

Deno.test("planCommand() changes nothing by itself", async () => {
  const world = await inCall();
  const { revision } = world.table;
  const before = world.sessions();
  for (
    const command of [opening(), opening({ callId: "rival" }), closing(), opening({ dnatPort: "" })]
  ) {
    planCommand(command, world.relay.parts);
  }
  assert.deepEqual(world.sessions(), before);
  assert.equal(world.table.revision, revision);
  assert.equal(world.backend.kernel.records.size, 1);
});

Deno.test("planCommand() plans an update from the very form that is carried", async () => {
  const world = await inCall();
  const entry = world.only();
  const plan = openPlan(planCommand(opening({ dnatPort: "7010" }), world.relay.parts));
  assert.equal(plan.known, entry);
  assert.deepEqual(plan.change.before, [entry.session]);
  assert.equal(plan.change.after, plan.session);
  assert.deepEqual(identityOf(plan.session), identityOf(entry.session));
  assert.equal(plan.session.b.remote.port, 7010);
});

Deno.test("planCommand() plans to take silent rivals away in the same change", async () => {
  const world = await inCall();
  const rival = world.only();
  const plan = openPlan(planCommand(opening({ callId: "next" }), world.relay.parts));
  assert.equal(plan.known, undefined);
  assert.deepEqual(plan.rivals, [rival]);
  assert.deepEqual(plan.change, { before: [rival.session], after: plan.session });
});

Deno.test("namesIn() has the identities and flow keys of all that a change touches", async () => {
  const world = await inCall();
  const { session } = world.only();
  const moved = openPlan(planCommand(opening({ dnatIp: "192.0.2.21" }), world.relay.parts));
  const names = new Set(namesIn(moved.change));
  const expected = [...namesOf(session), ...namesOf(moved.session)];
  assert.deepEqual(names, new Set(expected));
  const closed = planCommand(closing(), world.relay.parts);
  assert.ok("change" in closed);
  assert.deepEqual(new Set(namesIn(closed.change)), new Set(namesOf(session)));
});
