import { strict as assert } from "node:assert";
import { ADDRESSES } from "../../src/netns/namespaces.ts";
import { IcmpWatch } from "./icmp.ts";
import { CALL } from "./kamailio.ts";
import { readSet, refusedFrom } from "./kernel.ts";
import { packet } from "./media.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay } from "./world.ts";

/** What the caller's NAT makes of its ports 6000 and 6001. */
const NAT = { rtp: 41234, rtcp: 52346 };

Deno.test("a caller behind NAT is in touch within 0.5 s of its first packet, though the callee spoke first", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const callee = world.callee(7000);
  const fromCallee = callee.talk(CALL.dst);
  await until("the callee's port is known", async () => {
    return (await world.show()).session.callee.rtp.latch === "locked";
  });
  const caller = world.caller(NAT);
  const fromCaller = caller.talk(CALL.snat);
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
  const [begun = 0] = fromCaller.rtp.sentMs;
  const heardMs = (callee.rtp.of(fromCaller.rtp)[0]?.atMs ?? Infinity) - begun;
  const hearsMs = (caller.rtp.of(fromCallee.rtp)[0]?.atMs ?? Infinity) - begun;
  console.log(`caller heard after ${heardMs.toFixed(0)} ms, hears after ${hearsMs.toFixed(0)} ms`);
  assert(heardMs <= 500 && hearsMs <= 500);
});

Deno.test("RTP and RTCP that a NAT maps differently are learned apart", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await converse(world.caller(NAT), world.callee(7000));
  const { caller } = await untilLocked(world);
  assert.equal(caller.rtp.source, `10.10.1.10:${NAT.rtp}`);
  assert.equal(caller.rtcp.source, `10.10.1.10:${NAT.rtcp}`);
  const legs = await readSet(world.relay, "legs");
  assert.deepEqual(
    new Set(legs.map(({ rewrite }) => rewrite)),
    new Set([
      `10.10.1.1:20002 > 10.10.1.10:${NAT.rtp}`,
      `10.10.1.1:20003 > 10.10.1.10:${NAT.rtcp}`,
      "192.0.2.1:20000 > 192.0.2.20:7000",
      "192.0.2.1:20001 > 192.0.2.20:7001",
    ]),
  );
  assert.deepEqual(await readSet(world.relay, "open"), []);
});

Deno.test("RTCP that comes first does not settle where RTP is", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const caller = world.caller(NAT);
  caller.rtcp.stream("rtcp", "10.10.1.1:20003");
  await until("RTCP is locked", async () => {
    const { session } = await world.show();
    assert.equal(session.caller.rtp.latch, "open");
    return session.caller.rtcp.latch === "locked";
  });
  await converse(caller, world.callee(7000));
  assert.equal((await untilLocked(world)).caller.rtp.source, `10.10.1.10:${NAT.rtp}`);
});

Deno.test("once a port is learned, another sender at the same address gets nothing through", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(NAT), world.callee(7000));
  await untilLocked(world);
  const icmp = world.use(new IcmpWatch(world.net.caller));
  const intruder = world.caller(45000);
  const injected = intruder.talk(CALL.snat);
  await until("the intruder's packets are counted", async () => {
    return await refusedFrom(world.relay, intruder.rtp.at) >= 20 &&
      await refusedFrom(world.relay, intruder.rtcp.at) >= 4;
  });
  injected.stop();
  await untilTwoWay(conversation);
  assert.deepEqual(conversation.callee.rtp.of(injected.rtp), []);
  assert.deepEqual(conversation.callee.rtcp.of(injected.rtcp), []);
  assert.deepEqual(intruder.rtp.heard, []);
  assert.deepEqual(intruder.rtcp.heard, []);
  assert.equal(await refusedFrom(world.relay, intruder.rtp.at), injected.rtp.sent);
  assert.deepEqual(icmp.take(), []);
});

Deno.test("of two senders at one address the first keeps the stream", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const first = world.caller(NAT);
  const second = world.caller(45000);
  first.rtp.send(packet("rtp", { sequence: 0, ssrc: 7 }), CALL.snat);
  second.rtp.stream("rtp", CALL.snat, 1);
  const callee = world.callee(7000);
  const fromCallee = callee.rtp.stream("rtp", CALL.dst);
  await until("the second sender is turned away", async () => {
    return await refusedFrom(world.relay, second.rtp.at) > 0;
  });
  await until("the first one hears the callee", () => first.rtp.of(fromCallee).length > 0);
  assert.equal((await world.show()).session.caller.rtp.source, first.rtp.at);
  assert.deepEqual(second.rtp.heard, []);
});

for (const when of ["before", "after"] as const) {
  Deno.test(`packets from another address are never relayed ${when} the ports are learned`, async () => {
    await using world = await openWorld();
    await world.kamailio.open(CALL);
    const caller = world.caller(6000);
    const callee = world.callee(7000);
    if (when === "after") {
      await converse(caller, callee);
      await untilLocked(world);
    }
    const watches = [new IcmpWatch(world.net.caller), new IcmpWatch(world.net.callee)];
    for (const watch of watches) world.use(watch);
    // The party's own port, at another address: only the address tells them apart.
    const strangers = [
      { party: world.caller(6000, ADDRESSES.callerStrangers[0]), to: CALL.snat },
      { party: world.callee(7000, ADDRESSES.calleeStrangers[0]), to: CALL.dst },
      // Each party's relay socket is for that party alone.
      { party: world.caller(6000, ADDRESSES.callerStrangers[1]), to: CALL.dst },
    ];
    const talks = strangers.map(({ party, to }) => party.talk(to));
    await until("all of them are turned away", async () => {
      const counts = await Promise.all(strangers.flatMap(({ party }) => [
        refusedFrom(world.relay, party.rtp.at),
        refusedFrom(world.relay, party.rtcp.at),
      ]));
      return counts.every((count) => count >= 5);
    });
    for (const talk of talks) talk.stop();
    await converse(caller, callee);
    for (const { rtp, rtcp } of talks) {
      assert.deepEqual([...caller.rtp.of(rtp), ...callee.rtp.of(rtp)], []);
      assert.deepEqual([...caller.rtcp.of(rtcp), ...callee.rtcp.of(rtcp)], []);
    }
    for (const { party } of strangers) assert.deepEqual(party.rtp.heard, []);
    assert.deepEqual(watches.flatMap((watch) => watch.take()), []);
  });
}

Deno.test("what is not RTP does not settle the port, though it is relayed", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const caller = world.caller(NAT);
  const callee = world.callee(7000);
  const other = world.caller(45000);
  const stun = packet("rtp", { sequence: 0, ssrc: 7 });
  stun[0] = 0x00;
  const short = new Uint8Array(0);
  other.rtp.send(stun, CALL.snat);
  other.rtp.send(short, CALL.snat);
  await until("both are relayed", () => callee.rtp.heard.length === 2);
  const heldBack = (await readSet(world.relay, "learned")).length;
  assert.equal(heldBack, 0);
  await converse(caller, callee);
  assert.equal((await untilLocked(world)).caller.rtp.source, caller.rtp.at);
});

Deno.test("with learning = never, media goes to the ports of SDP, whatever port it comes from", async () => {
  await using world = await openWorld({ ini: { session: { learning: "never" } } });
  await world.kamailio.open(CALL);
  const listening = world.caller(6000);
  const speaking = world.caller(NAT);
  const callee = world.callee(7000);
  const fromCaller = speaking.talk(CALL.snat);
  const fromCallee = callee.talk(CALL.dst);
  await untilTwoWay({ caller: listening, callee, fromCaller, fromCallee });
  const second = world.caller(45000).talk(CALL.snat);
  await until("a second port is relayed as well", () => callee.rtp.of(second.rtp).length > 0);
  assert.deepEqual(speaking.rtp.heard, []);
});
