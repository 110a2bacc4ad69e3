import assert from "node:assert/strict";
import { opening, World } from "../../tests/support/world.ts";
import type { SessionView } from "../control/admin.ts";
import { sessionReport, sessionView } from "./views.ts";

async function inCall(fields: Parameters<typeof opening>[0] = {}): Promise<World> {
  const world = await new World().start();
  assert.deepEqual(world.handle(opening(fields)), ["opened"]);
  return world;
}

/** The only session, as of now. */
const PATH = { path: "nft", pathReason: null };

function view(world: World): SessionView {
  const entry = world.only();
  world.upkeep.refresh([entry]);
  return sessionView(entry, PATH, { nowMs: world.clock.now(), epochMs: world.clock.epoch() });
}

const SILENT = {
  ...{ source: null, latch: "open", packets: 0, bytes: 0 },
  ...{ ageSeconds: null, ageAtMostSeconds: null },
};

Deno.test("sessionView() shows a call that nothing was heard of", async () => {
  const world = await inCall();
  assert.deepEqual(view(world), {
    callId: "call-1",
    instance: "default",
    state: "unheard",
    ...PATH,
    createdMs: world.clock.startEpochMs,
    ageSeconds: 0,
    caller: {
      signalled: "10.10.1.10:6000",
      onHold: false,
      relay: "10.10.1.1:20002",
      rtp: SILENT,
      rtcp: SILENT,
    },
    callee: {
      signalled: "192.0.2.20:7000",
      onHold: false,
      relay: "192.0.2.1:20000",
      rtp: SILENT,
      rtcp: SILENT,
    },
  });
});

Deno.test("sessionView() shows where each flow is heard from, how much, and when", async () => {
  const world = await inCall();
  world.send("10.10.1.10:41234", "10.10.1.1:20002");
  world.send("192.0.2.20:7001", "192.0.2.1:20001");
  view(world);
  world.advance(0.1);
  world.send("10.10.1.10:41234", "10.10.1.1:20002");
  view(world);
  world.advance(1.26);
  const { state, caller, callee, ageSeconds } = view(world);
  assert.deepEqual([state, ageSeconds], ["active", 1]);
  const bytes = 28 + 12;
  assert.deepEqual(caller.rtp, {
    source: "10.10.1.10:41234",
    latch: "locked",
    packets: 2,
    bytes: 2 * bytes,
    ageSeconds: 1.3,
    ageAtMostSeconds: 1.4,
  });
  assert.deepEqual(callee.rtcp, {
    source: "192.0.2.20:7001",
    latch: "locked",
    packets: 1,
    bytes,
    ageSeconds: 1.4,
    ageAtMostSeconds: 1.4,
  });
  assert.deepEqual([caller.rtcp, callee.rtp], [SILENT, SILENT]);
});

Deno.test("sessionView() calls a latch contested after another S", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(0.1);
  assert.equal(view(world).caller.rtp.latch, "locked");
  world.handle(opening());
  assert.equal(view(world).caller.rtp.latch, "contested");
});

Deno.test("sessionView() shows holds by address and by port", async () => {
  for (const fields of [{ dnatIp: "0.0.0.0" }, { dnatPort: "0" }]) {
    const { caller, callee } = view(await inCall(fields));
    assert.deepEqual([caller.onHold, callee.onHold], [false, true], JSON.stringify(fields));
  }
});

Deno.test("sessionView() knows no age below 0 when the machine's clock was set back", async () => {
  const world = await inCall();
  const entry = world.only();
  const moment = { nowMs: world.clock.now(), epochMs: world.clock.epoch() - 60_000 };
  assert.equal(sessionView(entry, PATH, moment).ageSeconds, 0);
});

Deno.test("sessionReport() names those strangers that spoke to the call's sockets", async () => {
  const world = await inCall();
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  const senders = [
    ["203.0.113.9:7000", "192.0.2.1:20000"],
    ["203.0.113.9:7000", "192.0.2.1:20000"],
    ["203.0.113.9:7001", "192.0.2.1:20001"],
    ["203.0.113.9:6001", "10.10.1.1:20003"],
    // Sockets of other calls, and the callee's port on the caller's address.
    ["203.0.113.9:7000", "192.0.2.1:20002"],
    ["203.0.113.9:7000", "10.10.1.1:20000"],
    ["203.0.113.9:7000", "192.0.2.1:20004"],
  ] as const;
  for (const [from, to] of senders) assert.equal(world.send(from, to), null);
  const report = sessionReport(view(world), world.only(), {
    strangers: world.backend.strangers(),
    ...{ loss: [], warnings: [], ways: [] },
  });
  assert.deepEqual(report.strangers, [
    { from: "203.0.113.9:7000", to: "192.0.2.1:20000", packets: 2 },
    { from: "203.0.113.9:7001", to: "192.0.2.1:20001", packets: 1 },
    { from: "203.0.113.9:6001", to: "10.10.1.1:20003", packets: 1 },
  ]);
  assert.equal(report.findings.length, 7, report.findings.join("\n"));
  assert.match(report.findings.join("\n"), /callee was never heard.*its NAT address is not/s);
});
