import assert from "node:assert/strict";
import { closing, numberedCall, opening, World } from "../../tests/support/world.ts";
import type { RelayEvent } from "./events.ts";

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

Deno.test("Relay opens, updates and closes a call", async () => {
  const world = await started();
  assert.deepEqual(world.handle(opening()), ["opened"]);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7000",
  );
  assert.deepEqual(world.handle(opening({ dnatPort: "7010" })), ["updated"]);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7010",
  );
  assert.deepEqual(world.handle(closing()), ["closed"]);
  assert.equal(world.send("10.10.1.10:6000", "10.10.1.1:20002"), null);
  assert.deepEqual(kinds(world.takeEvents()), ["opened", "updated", "ended command"]);
  assert.equal(world.table.size, 0);
});

Deno.test("Relay takes repeated S and D for what they are", async () => {
  const world = await started();
  assert.deepEqual(world.handle(opening(), opening(), opening()), ["opened", "updated", "updated"]);
  assert.equal(world.table.size, 1);
  assert.deepEqual(world.handle(closing(), closing()), ["closed", "nothing"]);
  assert.deepEqual(world.handle(closing()), ["nothing"]);
});

Deno.test("Relay closes by Call-ID and relay ports alone", async () => {
  const world = await started();
  const others: readonly (readonly [Parameters<typeof closing>[0], string])[] = [
    [{ callId: "call-2" }, "nothing"],
    [{ snatPort: "20006" }, "nothing"],
    [{ dstPort: "20004" }, "nothing"],
    // Kamailio's D before an answer: nothing was opened, hence nothing is closed.
    [{ snatIp: "", dnatIp: "", snatPort: "", dnatPort: "" }, "nothing"],
    [{ srcIp: "", dstIp: "", snatIp: "", dnatIp: "", srcPort: "", dstPort: "" }, "nothing"],
    [{ callId: "" }, "nothing"],
    [{ dstPort: "x" }, "nothing"],
    // A re-INVITE from the callee changes the addresses that D names, not the ports.
    [{ snatIp: "192.0.2.1", dnatIp: "10.10.1.10", dnatPort: "6000" }, "closed"],
    [{ srcIp: "fd00::1", dnatIp: "host\u0000" }, "closed"],
  ];
  for (const [fields, expected] of others) {
    world.handle(opening());
    assert.deepEqual(world.handle(closing(fields)), [expected], JSON.stringify(fields));
  }
});

Deno.test("Relay keeps dialogs of one Call-ID apart", async () => {
  const world = await started();
  const second = { dstPort: "20004", snatPort: "20006", dnatPort: "7010" };
  assert.deepEqual(world.handle(opening(), opening(second)), ["opened", "opened"]);
  assert.deepEqual(world.handle(closing()), ["closed"]);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20006"),
    "192.0.2.1:20004 > 192.0.2.20:7010",
  );
});

Deno.test("Relay keeps instances apart", async () => {
  const world = await started();
  const elsewhere = { ...opening(), instance: "other" };
  assert.deepEqual(world.handle(elsewhere), ["malformed"], "there is no such instance");
  world.handle(opening());
  assert.deepEqual(world.handle({ ...closing(), instance: "other" }), ["nothing"]);
});

Deno.test("Relay refuses what cannot be relayed, and says why", async () => {
  const world = await started();
  const cases: readonly (readonly [Parameters<typeof opening>[0], string])[] = [
    [{ srcIp: "fd00:1::10", dnatIp: "fd00:2::20" }, "malformed"],
    [{ dnatIp: "127.0.0.1" }, "forbidden-remote"],
    [{ srcIp: "192.0.2.1" }, "forbidden-remote"],
    [{ dstIp: "192.0.2.77" }, "not-our-address"],
    [{ dnatIp: "10.10.1.10", dstIp: "10.10.1.1", dstPort: "20002" }, "same-legs"],
  ];
  for (const [fields, expected] of cases) {
    assert.deepEqual(world.handle(opening(fields)), [expected]);
    const [event] = world.takeEvents();
    assert.ok(event?.kind === "refused" && event.refusal.reason === expected);
    assert.equal(event.callId, "call-1");
  }
  assert.equal(world.table.size, 0);
});

Deno.test("Relay refuses an S whose ports a live call uses, and names that call", async () => {
  const world = await started();
  world.handle(opening());
  speak(world);
  world.advance(1);
  const rival = { callId: "rival", dnatPort: "7400" };
  world.takeEvents();
  assert.deepEqual(world.handle(opening(rival)), ["collision"]);
  const [event] = world.takeEvents();
  assert.match(event?.kind === "refused" ? event.refusal.message : "", /"call-1"/);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7000",
  );
});

Deno.test("Relay gives the ports of a silent call to a new one", async () => {
  const world = await started();
  world.handle(opening());
  speak(world);
  world.advance(30);
  assert.deepEqual(world.handle(opening({ callId: "rival", dnatPort: "7400" })), ["opened"]);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7400",
  );
  assert.equal(world.only().session.callId, "rival");
  assert.ok(kinds(world.takeEvents()).includes("ended replaced"));
  assert.deepEqual(world.handle(closing()), ["nothing"], "the late D of the old call");
  assert.equal(world.table.size, 1);
});

Deno.test("Relay gives the ports of a call that never spoke to a new one at once", async () => {
  const world = await started();
  world.handle(opening());
  assert.deepEqual(world.handle(opening({ callId: "rival" })), ["opened"]);
});

Deno.test("Relay lets calls share ports that their remote addresses tell apart", async () => {
  const world = await started();
  world.handle(opening());
  speak(world);
  assert.deepEqual(
    world.handle(opening({ callId: "other", srcIp: "10.10.1.11", dnatIp: "192.0.2.21" })),
    ["opened"],
  );
  assert.equal(
    world.send("10.10.1.11:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.21:7000",
  );
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7000",
  );
});

Deno.test("Relay updates a call into the way of a live one only after a refusal", async () => {
  const world = await started();
  world.handle(opening(), opening({ callId: "other", dnatIp: "192.0.2.21", srcIp: "10.10.1.11" }));
  speak(world);
  const into = { callId: "other", srcIp: "10.10.1.10", dnatIp: "192.0.2.21" };
  assert.deepEqual(world.handle(opening(into)), ["collision"]);
  assert.equal(
    world.send("10.10.1.11:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.21:7000",
  );
});

Deno.test("Relay takes a re-INVITE from the callee for what it hides", async () => {
  const world = await started();
  world.handle(opening());
  // S A_ip dst dst_ip A_ip: it names the caller as both parties.
  const fromCallee = { snatIp: "192.0.2.1", dnatIp: "10.10.1.10", dnatPort: "6000" };
  assert.deepEqual(world.handle(opening(fromCallee)), ["updated"]);
  assert.equal(
    world.send("10.10.1.10:6000", "10.10.1.1:20002"),
    "192.0.2.1:20000 > 192.0.2.20:7000",
  );
  assert.equal(
    world.send("192.0.2.20:7000", "192.0.2.1:20000"),
    "10.10.1.1:20002 > 10.10.1.10:6000",
  );
  assert.deepEqual(world.handle(closing(fromCallee)), ["closed"]);
});

Deno.test("Relay learns of one party's move from an S that leaves the other's fields empty", async () => {
  const world = await started();
  const noCaller = { srcIp: "", srcPort: "", snatIp: "", dstIp: "" };
  const noCallee = { dnatIp: "", dnatPort: "", snatIp: "", dstIp: "" };
  world.handle(opening());
  speak(world);
  const toCallee = (): string | null => world.send("10.10.1.10:6000", "10.10.1.1:20002");
  assert.deepEqual(world.handle(opening({ ...noCaller, dnatIp: "192.0.2.30" })), ["updated"]);
  assert.equal(toCallee(), "192.0.2.1:20000 > 192.0.2.30:7000");
  assert.equal(world.send("192.0.2.20:7000", "192.0.2.1:20000"), null);
  assert.deepEqual(world.handle(opening({ ...noCaller, dnatIp: "0.0.0.0" })), ["updated"]);
  assert.equal(toCallee(), null);
  assert.deepEqual(world.handle(opening({ ...noCaller, dnatPort: "7020" })), ["updated"]);
  assert.equal(toCallee(), "192.0.2.1:20000 > 192.0.2.20:7020");
  assert.deepEqual(
    world.handle(opening({ ...noCallee, srcIp: "10.10.1.77", srcPort: "6010" })),
    ["updated"],
  );
  assert.equal(
    world.send("192.0.2.20:7020", "192.0.2.1:20000"),
    "10.10.1.1:20002 > 10.10.1.77:6010",
  );
});

Deno.test("Relay opens nothing by an S with empty fields, and believes no half of an address", async () => {
  const world = await started();
  const empty = { srcIp: "", srcPort: "" };
  assert.deepEqual(world.handle(opening(empty)), ["malformed"]);
  world.handle(opening());
  assert.deepEqual(world.handle(opening({ srcIp: "" })), ["malformed"]);
  assert.deepEqual(world.handle(opening({ srcPort: "" })), ["malformed"]);
  assert.deepEqual(world.handle(opening({ ...empty, snatPort: "20006" })), ["malformed"]);
  assert.deepEqual(world.handle(opening({ ...empty, callId: "call-2" })), ["malformed"]);
  assert.deepEqual(world.handle(opening({ ...empty, dnatIp: "127.0.0.1" })), ["forbidden-remote"]);
});

Deno.test("Relay puts a party on hold and resumes it", async () => {
  const world = await started();
  world.handle(opening());
  for (
    const hold of [{ dnatPort: "0" }, { dnatIp: "0.0.0.0" }, { dnatIp: "0.0.0.0", dnatPort: "0" }]
  ) {
    assert.deepEqual(world.handle(opening(hold)), ["updated"]);
    assert.equal(world.send("10.10.1.10:6000", "10.10.1.1:20002"), null);
    assert.deepEqual(world.handle(opening()), ["updated"]);
    assert.equal(
      world.send("10.10.1.10:6000", "10.10.1.1:20002"),
      "192.0.2.1:20000 > 192.0.2.20:7000",
    );
  }
  assert.deepEqual(world.handle(opening({ srcIp: "0.0.0.0", dnatIp: "0.0.0.0" })), ["updated"]);
  assert.deepEqual(world.handle(closing()), ["closed"]);
});

Deno.test("Relay remembers when a session was first opened", async () => {
  const world = await started();
  world.handle(opening());
  const { createdMs } = world.only().session;
  world.advance(2);
  world.handle(opening({ dnatPort: "7010" }));
  assert.equal(world.only().session.createdMs, createdMs);
});

Deno.test("Relay goes on with what another daemon has left in the kernel", async () => {
  const first = await started();
  first.handle(opening(), opening(numberedCall(5)));
  speak(first);
  first.advance(1);
  const next = await started({ kernel: first.backend.kernel, clock: first.clock });
  assert.deepEqual(next.sessions(), first.sessions());
  assert.deepEqual(next.handle(opening()), ["updated"]);
  assert.deepEqual(next.handle(closing(numberedCall(5)), closing()), ["closed", "closed"]);
  assert.equal(next.backend.kernel.flows.size, 0);
});

Deno.test("Relay reads the last counts of those sessions that it is told to", async () => {
  for (const isCounted of [true, false]) {
    const world = await new World({ isCounted: () => isCounted }).start();
    world.handle(opening());
    for (let n = 0; n < 3; n++) world.send("10.10.1.10:6000", "10.10.1.1:20002");
    world.takeEvents();
    world.handle(closing());
    const [event] = world.takeEvents();
    assert.ok(event?.kind === "ended");
    assert.equal(event.entry.samples[0].packets, isCounted ? 3 : 0);
  }
});
