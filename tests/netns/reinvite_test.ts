import { strict as assert } from "node:assert";
import { ADDRESSES } from "../../src/netns/namespaces.ts";
import { CALL } from "./kamailio.ts";
import { refusedFrom } from "./kernel.ts";
import type { Party, Stream } from "./media.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

/** The other leg's packets go to a newly learned port within so long. */
const FOLLOW_MS = 200;

/** Wait until one flow is locked to the port that a party's RTP socket has. */
async function untilLockedTo(world: World, side: "caller" | "callee", party: Party): Promise<void> {
  await until(`the ${side} is locked to ${party.rtp.at}`, async () => {
    const { rtp } = (await world.show()).session[side];
    return rtp.latch === "locked" && rtp.source === party.rtp.at;
  });
}

/** How long after a party's first packet it heard the first of a stream. */
function followedMs(party: Party, spoke: Stream, awaited: Stream): number {
  return (party.rtp.of(awaited)[0]?.atMs ?? Infinity) - (spoke.sentMs[0] ?? 0);
}

Deno.test("after an identical S a party that comes from a new port is followed within 200 ms", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const callee = world.callee(7000);
  const fromCallee = callee.talk(CALL.dst);
  // A finer grain than RTP's 20 ms, to see the moment of the change.
  const fine = callee.rtp.stream("rtp", CALL.dst, 4);
  let caller = world.caller(6000);
  let fromCaller = caller.talk(CALL.snat);
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
  await untilLocked(world);
  const measured: number[] = [];
  for (let move = 0; move < 5; move++) {
    await world.kamailio.open(CALL);
    fromCaller.stop();
    caller = world.caller(6100 + 10 * move);
    fromCaller = caller.talk(CALL.snat);
    await untilLockedTo(world, "caller", caller);
    await untilTwoWay({ caller, callee, fromCaller, fromCallee });
    measured.push(followedMs(caller, fromCaller.rtp, fine));
  }
  measured.sort((one, other) => one - other);
  console.log(`followed after ${measured.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  const [, , median = Infinity] = measured;
  assert(median <= FOLLOW_MS, `the median of ${measured.join(", ")} ms`);
});

Deno.test("without an S a party that comes from a new port is not followed", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller } = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  fromCaller.stop();
  const moved = world.caller(6100);
  moved.talk(CALL.snat);
  await until("the new port is turned away", async () => {
    return await refusedFrom(world.relay, moved.rtp.at) >= 25;
  });
  assert.deepEqual(moved.rtp.heard, []);
  assert((await world.show()).session.caller.rtp.source === caller.rtp.at);
  assert.deepEqual(callee.rtp.sources(), [CALL.dst]);
});

Deno.test("while the known port speaks on after an S, another sender never takes the stream over", async () => {
  await using world = await openWorld({ ini: { session: { relearn_confirm: 1 } } });
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  await world.kamailio.open(CALL);
  assert.equal((await world.show()).session.caller.rtp.latch, "contested");
  const second = world.caller(6100);
  const injected = second.talk(CALL.snat);
  await untilLockedTo(world, "caller", conversation.caller);
  await until("the second sender is turned away", async () => {
    return await refusedFrom(world.relay, second.rtp.at) >= 25;
  });
  const sent = injected.rtp.sent;
  await until("it goes on", () => injected.rtp.sent >= sent + 10);
  injected.stop();
  await untilTwoWay(conversation);
  assert.deepEqual(second.rtp.heard, [], "nothing was ever sent to it");
  const late = conversation.callee.rtp.of(injected.rtp).filter(({ sequence }) => sequence >= sent);
  assert.deepEqual(late, []);
});

Deno.test("the callee's new port of a re-INVITE is used at once and for good, though the old one keeps sending", async () => {
  await using world = await openWorld({ ini: { session: { relearn_confirm: 1 } } });
  await world.kamailio.open(CALL);
  const { caller, callee: old, fromCaller } = await converse(
    world.caller({ rtp: 41234, rtcp: 52346 }),
    world.callee(7000),
  );
  await untilLocked(world);
  const callee = world.callee(7010);
  await world.kamailio.open({ ...CALL, dnat: callee.rtp.at });
  const switched = fromCaller.rtp.sent;
  const fromCallee = callee.talk(CALL.dst);
  const conversation = { caller, callee, fromCaller, fromCallee };
  await untilTwoWay(conversation);
  const { callee: view } = await untilLocked(world);
  assert.deepEqual([view.rtp.source, view.rtcp.source], [callee.rtp.at, callee.rtcp.at]);
  await until("the old port is turned away", async () => {
    return await refusedFrom(world.relay, old.rtp.at) >= 10;
  });
  await untilTwoWay(conversation);
  assert.deepEqual(old.rtp.heard.filter(({ sequence }) => sequence >= switched), []);
  assert.deepEqual(callee.rtp.sources(), [CALL.dst]);
  assert.deepEqual(callee.rtcp.sources(), ["192.0.2.1:20001"]);
});

Deno.test("a re-INVITE of the callee, which names the caller twice, lets the callee come from a new port", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller, fromCallee } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  await untilLocked(world);
  const reinvite = { ...CALL, snat: "192.0.2.1:20002", dnat: CALL.src };
  await world.kamailio.open(reinvite);
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
  fromCallee.stop();
  const moved = world.callee(7010);
  const fromMoved = moved.talk(CALL.dst);
  await untilTwoWay({ caller, callee: moved, fromCaller, fromCallee: fromMoved });
  await untilLockedTo(world, "callee", moved);
  const { session } = await world.show();
  assert.equal(session.caller.relay, CALL.snat);
  assert.equal(session.callee.signalled, CALL.dnat);
  await world.kamailio.close(reinvite);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("a re-INVITE that moves the callee to another address leaves the old one outside", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee: old, fromCaller } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  await untilLocked(world);
  const [address] = ADDRESSES.calleeStrangers;
  const callee = world.callee({ rtp: 43210, rtcp: 54322 }, address);
  await world.kamailio.open({ ...CALL, dnat: `${address}:7000` });
  const fromCallee = callee.talk(CALL.dst);
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
  await until("the old address is turned away", async () => {
    return await refusedFrom(world.relay, old.rtp.at) > 0;
  });
});
