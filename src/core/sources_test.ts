import assert from "node:assert/strict";
import { opening, World } from "../../tests/support/world.ts";
import { formatEndpoint } from "../base/ipv4.ts";
import { FLOW_NAMES, type FlowIndex, flowOf, OPEN_LATCH } from "./session.ts";

const FOR_CALLER = "10.10.1.1:20002";
const FOR_CALLEE = "192.0.2.1:20000";

async function inCall(): Promise<World> {
  const world = await new World().start();
  world.handle(opening());
  return world;
}

/** Send every 20 ms for a while; the answer is how many packets were relayed. */
function talk(world: World, seconds: number, from: string, to = FOR_CALLER): number {
  return talkAll(world, seconds, [[from, to]]);
}

function talkAll(
  world: World,
  seconds: number,
  streams: readonly (readonly [string, string])[],
): number {
  let relayed = 0;
  for (let i = 0; i < seconds * 50; i++) {
    for (const [from, to] of streams) if (world.send(from, to)) relayed++;
    world.advance(0.02);
  }
  return relayed;
}

function latch(world: World, name: typeof FLOW_NAMES[number]): string {
  const { locked, open, sendTo } =
    world.only().session.latches[FLOW_NAMES.indexOf(name) as FlowIndex];
  return `${locked}${open ? " open" : ""}${sendTo === locked ? "" : ` to ${sendTo}`}`;
}

/** Where packets of the callee go. */
function sentBack(world: World, index: FlowIndex = 2): string {
  const rewrite = flowOf(world.only().session, index)?.rewrite;
  return rewrite ? formatEndpoint(rewrite.destination) : "nowhere";
}

Deno.test("Sources locks a flow to the first port heard, and the other leg is sent there", async () => {
  const world = await inCall();
  assert.equal(sentBack(world), "10.10.1.10:6000");
  world.send("10.10.1.10:41000", FOR_CALLER);
  world.advance(0.1);
  assert.equal(latch(world, "a.rtp"), "41000");
  assert.equal(world.send("192.0.2.20:7000", FOR_CALLEE), "10.10.1.1:20002 > 10.10.1.10:41000");
  assert.equal(sentBack(world, 3), "10.10.1.10:6001", "RTCP is learned by itself");
  const learned = world.takeEvents().filter((event) => event.kind === "learned");
  assert.deepEqual(learned.map(({ index, port }) => [index, port]), [[0, 41000]]);
});

Deno.test("Sources learns all four flows apart, the callee first as well", async () => {
  const world = await inCall();
  world.send("192.0.2.20:52000", FOR_CALLEE);
  world.send("192.0.2.20:52777", "192.0.2.1:20001");
  world.send("10.10.1.10:41000", FOR_CALLER);
  world.send("10.10.1.10:41777", "10.10.1.1:20003");
  world.advance(0.1);
  const locked = world.only().session.latches.map(({ locked }) => locked);
  assert.deepEqual(locked, [41000, 41777, 52000, 52777]);
});

Deno.test("Sources learns nothing from what is not RTP", async () => {
  const world = await inCall();
  assert.ok(world.send("10.10.1.10:41000", FOR_CALLER, Uint8Array.of(0, 1, 2, 3)));
  world.advance(0.1);
  assert.deepEqual(world.only().session.latches[0], OPEN_LATCH);
});

Deno.test("Sources lets no second sender at the same address take a stream over", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  assert.equal(talk(world, 5, "10.10.1.10:41002"), 0);
  assert.equal(latch(world, "a.rtp"), "41000");
  assert.equal(sentBack(world), "10.10.1.10:41000");
});

Deno.test("Sources keeps a known port through a repeated S, and locks it again", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  world.handle(opening());
  assert.equal(latch(world, "a.rtp"), "41000 open");
  assert.equal(sentBack(world), "10.10.1.10:41000");
  assert.equal(talk(world, 5, "10.10.1.10:41000"), 250);
  assert.equal(latch(world, "a.rtp"), "41000");
});

Deno.test("Sources keeps a known port that goes on from a second sender after an S", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  world.handle(opening());
  talkAll(world, 10, [["10.10.1.10:41000", FOR_CALLER], ["10.10.1.10:41002", FOR_CALLER]]);
  assert.equal(latch(world, "a.rtp"), "41000");
  assert.equal(sentBack(world), "10.10.1.10:41000");
});

Deno.test("Sources follows a party that changes its port unseen, after an S", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  world.handle(opening());
  const lost = 25 - talk(world, 0.5, "10.10.1.10:45000");
  assert.equal(lost, 0);
  assert.equal(latch(world, "a.rtp"), "45000");
  assert.equal(sentBack(world), "10.10.1.10:45000");
});

Deno.test("Sources takes one stray packet for no stream", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  world.handle(opening());
  world.send("10.10.1.10:45000", FOR_CALLER);
  world.advance(2);
  assert.equal(latch(world, "a.rtp"), "41000 open");
});

Deno.test("Sources leaves a silent port open after an S, however long", async () => {
  const world = await inCall();
  talk(world, 1, "10.10.1.10:41000");
  world.handle(opening());
  world.advance(60);
  assert.equal(latch(world, "a.rtp"), "41000 open");
  talk(world, 1, "10.10.1.10:45000");
  assert.equal(latch(world, "a.rtp"), "45000");
});

Deno.test("Sources lets RTCP follow its RTP to another port at once", async () => {
  const world = await inCall();
  talkAll(world, 1, [["10.10.1.10:41000", FOR_CALLER], ["10.10.1.10:41001", "10.10.1.1:20003"]]);
  world.handle(opening());
  talk(world, 1, "10.10.1.10:45000");
  world.send("10.10.1.10:45001", "10.10.1.1:20003");
  world.advance(0.1);
  assert.equal(latch(world, "a.rtcp"), "45001");
});

Deno.test("Sources lets no second sender's RTCP in because the other party has moved", async () => {
  const world = await inCall();
  talkAll(world, 1, [
    ["10.10.1.10:41000", FOR_CALLER],
    ["192.0.2.20:7000", FOR_CALLEE],
    ["192.0.2.20:7001", "192.0.2.1:20001"],
  ]);
  world.handle(opening());
  // The caller moves; the callee goes on and is confirmed, its RTCP too seldom to be.
  talkAll(world, 6, [["10.10.1.10:45000", FOR_CALLER], ["192.0.2.20:7000", FOR_CALLEE]]);
  assert.equal(latch(world, "b.rtp"), "7000");
  world.send("192.0.2.20:9999", "192.0.2.1:20001");
  world.advance(0.2);
  assert.equal(latch(world, "b.rtcp"), "7001 open");
});

Deno.test("Sources sends to the port that a re-INVITE names, at once", async () => {
  const world = await inCall();
  talk(world, 1, "192.0.2.20:7000", FOR_CALLEE);
  world.handle(opening({ dnatPort: "7010" }));
  assert.equal(world.send("10.10.1.10:6000", FOR_CALLER), "192.0.2.1:20000 > 192.0.2.20:7010");
  assert.ok(world.send("192.0.2.20:7000", FOR_CALLEE), "what is still under way is relayed");
  world.send("192.0.2.20:7010", FOR_CALLEE);
  world.advance(0.1);
  assert.equal(latch(world, "b.rtp"), "7010");
});

Deno.test("Sources locks the port that a re-INVITE names although the old one goes on", async () => {
  const world = await inCall();
  talk(world, 1, "192.0.2.20:7000", FOR_CALLEE);
  world.handle(opening({ dnatPort: "7010" }));
  talkAll(world, 1, [["192.0.2.20:7000", FOR_CALLEE], ["192.0.2.20:7010", FOR_CALLEE]]);
  assert.equal(latch(world, "b.rtp"), "7010");
});

Deno.test("Sources learns anew when a re-INVITE names another address", async () => {
  const world = await inCall();
  talk(world, 1, "192.0.2.20:7000", FOR_CALLEE);
  world.handle(opening({ dnatIp: "192.0.2.21" }));
  assert.equal(world.send("192.0.2.20:7000", FOR_CALLEE), null);
  talk(world, 0.2, "192.0.2.21:53000", FOR_CALLEE);
  assert.equal(latch(world, "b.rtp"), "53000");
});

Deno.test("Sources believes no port that was heard of another address", async () => {
  const world = await inCall();
  talk(world, 1, "192.0.2.20:7000", FOR_CALLEE);
  world.handle(opening());
  // A second port shows up beside the known one, and then the callee moves to another machine.
  talkAll(world, 0.2, [["192.0.2.20:7000", FOR_CALLEE], ["192.0.2.20:9999", FOR_CALLEE]]);
  world.handle(opening({ dnatIp: "192.0.2.21" }));
  world.advance(0.1);
  assert.equal(latch(world, "b.rtp"), "0 open");
  assert.ok(world.send("192.0.2.21:7000", FOR_CALLEE));
});

Deno.test("Sources learns again what the data path would not lock", async () => {
  const world = await inCall();
  world.backend.failures.push({ kind: "broken", message: "the test says so" });
  world.send("10.10.1.10:41000", FOR_CALLER);
  world.advance(0.1);
  assert.equal(latch(world, "a.rtp"), "0 open");
  talk(world, 0.2, "10.10.1.10:41000");
  assert.equal(latch(world, "a.rtp"), "41000");
});

Deno.test("Sources ignores ports of flows that nobody owns any more", async () => {
  const world = await inCall();
  world.send("10.10.1.10:41000", FOR_CALLER);
  world.relay.end([world.only()], "dropped");
  world.advance(0.1);
  assert.equal(world.table.size, 0);
  world.handle(opening());
  world.advance(0.1);
  assert.equal(latch(world, "a.rtp"), "0 open");
});

Deno.test("Sources goes on after a restart of the daemon", async () => {
  const first = await inCall();
  talk(first, 1, "10.10.1.10:41000");
  first.handle(opening());
  const { kernel } = first.backend;
  first.send("192.0.2.20:52000", FOR_CALLEE);
  const next = await new World({ kernel, clock: first.clock }).start();
  assert.equal(latch(next, "a.rtp"), "41000 open");
  talk(next, 6, "10.10.1.10:41000");
  assert.equal(latch(next, "a.rtp"), "41000");
  assert.equal(latch(next, "b.rtp"), "52000");
});

Deno.test("skip() forgets what was heard while nobody followed it", async () => {
  const world = await inCall();
  world.send("10.10.1.10:41000", FOR_CALLER);
  world.sources.skip();
  world.sources.follow();
  assert.equal(world.only().session.latches[0].locked, 0);
  world.send("10.10.1.10:42000", FOR_CALLER);
  world.sources.follow();
  assert.equal(world.only().session.latches[0].locked, 42000);
});
