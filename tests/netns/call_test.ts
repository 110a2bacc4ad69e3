import { strict as assert } from "node:assert";
import { ADDRESSES } from "../../src/netns/namespaces.ts";
import { IcmpWatch } from "./icmp.ts";
import { CALL, numberedCall } from "./kamailio.ts";
import { readSet, readTable, refusedFrom } from "./kernel.ts";
import { Party } from "./media.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilTwoWay } from "./world.ts";

Deno.test("a call has RTP and RTCP both ways, each from the relay socket that SDP named", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee } = await converse(world.caller(6000), world.callee(7000));
  assert.deepEqual(caller.rtp.sources(), ["10.10.1.1:20002"]);
  assert.deepEqual(caller.rtcp.sources(), ["10.10.1.1:20003"]);
  assert.deepEqual(callee.rtp.sources(), ["192.0.2.1:20000"]);
  assert.deepEqual(callee.rtcp.sources(), ["192.0.2.1:20001"]);
});

Deno.test("after D nothing is relayed, nothing is left, and nobody is told by ICMP", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller, fromCallee } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  const icmp = [new IcmpWatch(world.net.caller), new IcmpWatch(world.net.callee)];
  for (const watch of icmp) world.use(watch);

  await world.kamailio.close(CALL);
  const ways = [
    [fromCaller.rtp, callee.rtp],
    [fromCaller.rtcp, callee.rtcp],
    [fromCallee.rtp, caller.rtp],
    [fromCallee.rtcp, caller.rtcp],
  ] as const;
  const sentBefore = ways.map(([stream]) => stream.sent);
  await until("packets of all four streams are turned away", async () => {
    const strangers = await readSet(world.relay, "strangers");
    return strangers.length === 4 && strangers.every(({ packets }) => packets >= 5);
  });
  ways.forEach(([stream, socket], i) => {
    const late = socket.of(stream).filter(({ sequence }) => sequence >= (sentBefore[i] ?? 0));
    assert.deepEqual(late, []);
  });
  assert.deepEqual(icmp.flatMap((watch) => watch.take()), []);
  const table = await readTable(world.relay);
  for (const set of ["legs", "open", "held", "learned", "sessions"]) {
    assert.deepEqual(table.get(set), [], set);
  }
});

Deno.test("with gt=1 both legs use one port of the relay's two addresses", async () => {
  await using world = await openWorld();
  const call = { ...CALL, snat: "10.10.1.1:20000" };
  await world.kamailio.open(call);
  const { caller, callee } = await converse(world.caller(6000), world.callee(7000), call);
  assert.deepEqual(caller.rtp.sources(), ["10.10.1.1:20000"]);
  assert.deepEqual(callee.rtp.sources(), ["192.0.2.1:20000"]);
});

Deno.test("with gt=1 on one address the legs are told apart by the remote address", async () => {
  await using world = await openWorld({
    ini: { kernel: { external_ip: "10.10.1.1", interfaces: "inside, outside" } },
  });
  const call = { ...CALL, snat: "10.10.1.1:20000", dst: "10.10.1.1:20000" };
  await world.kamailio.open(call);
  const { caller, callee } = await converse(world.caller(6000), world.callee(7000), call);
  assert.deepEqual(caller.rtp.sources(), ["10.10.1.1:20000"]);
  assert.deepEqual(caller.rtcp.sources(), ["10.10.1.1:20001"]);
  assert.deepEqual(callee.rtp.sources(), ["10.10.1.1:20000"]);
  assert.deepEqual(callee.rtcp.sources(), ["10.10.1.1:20001"]);
});

const HAIRPINS = {
  "through both relay addresses": CALL.dst,
  "through one relay address": "10.10.1.1:20000",
};

for (const [through, dst] of Object.entries(HAIRPINS)) {
  Deno.test(`two parties behind one address talk ${through}`, async () => {
    await using world = await openWorld();
    const icmp = world.use(new IcmpWatch(world.net.caller));
    const call = { ...CALL, dst, dnat: "10.10.1.10:7000" };
    await world.kamailio.open(call);
    const callee = world.use(new Party(world.net.caller, ADDRESSES.caller, 7000));
    const { caller } = await converse(world.caller(6000), callee, call);
    assert.deepEqual(caller.rtp.sources(), [CALL.snat]);
    assert.deepEqual(callee.rtp.sources(), [dst]);
    assert.deepEqual(icmp.take(), [], "no redirects");
  });
}

Deno.test("legs that cannot be told apart are refused, and no other call notices", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const live = await converse(world.caller(6000), world.callee(7000));
  await world.kamailio.openRefused({
    id: "same-legs@test",
    src: "10.10.1.10:6100",
    snat: "10.10.1.1:20100",
    dst: "10.10.1.1:20100",
    dnat: "10.10.1.10:7100",
  });
  const { relay, sessions } = await world.status();
  assert.equal((relay.refused as Record<string, number>)["same-legs"], 1);
  assert.equal(sessions.active + sessions.unheard, 1);
  await untilTwoWay(live);
});

Deno.test("a late offer, where caller and callee swap their roles, is relayed", async () => {
  await using world = await openWorld();
  const call = {
    ...CALL,
    src: "192.0.2.20:7000",
    dst: "10.10.1.1:20000",
    snat: "192.0.2.1:20002",
    dnat: "10.10.1.10:6000",
  };
  await world.kamailio.open(call);
  const { caller, callee } = await converse(world.callee(7000), world.caller(6000), call);
  assert.deepEqual(caller.rtp.sources(), ["192.0.2.1:20002"]);
  assert.deepEqual(callee.rtp.sources(), ["10.10.1.1:20000"]);
});

Deno.test("two sessions of one Call-ID live side by side, and D ends only the one it names", async () => {
  await using world = await openWorld();
  const other = { ...numberedCall(1), id: CALL.id };
  await world.kamailio.open(CALL);
  await world.kamailio.open(other);
  const one = await converse(world.caller(6000), world.callee(7000));
  const two = await converse(world.caller(6004), world.callee(7004), other);
  await world.kamailio.close(CALL);
  await until("the first is turned away", async () => {
    return await refusedFrom(world.relay, one.caller.rtp.at) > 0;
  });
  await untilTwoWay(two);
  assert.equal((await world.sessions()).length, 1);
});

Deno.test("of a forked call the answer that came last is connected", async () => {
  await using world = await openWorld();
  const [second] = ADDRESSES.calleeStrangers;
  const branch = { ...CALL, dnat: `${second}:7500` };
  const caller = world.caller(6000);
  const ringing = world.callee(7500, second);
  const talking = world.callee(7000);
  await world.kamailio.open(CALL);
  await world.kamailio.open(branch);
  const early = await converse(caller, ringing, branch);
  await world.kamailio.open(CALL);
  const switched = early.fromCaller.rtp.sent;
  await untilTwoWay({ ...early, callee: talking, fromCallee: talking.talk(CALL.dst) });
  await until("the other branch is turned away", async () => {
    return await refusedFrom(world.relay, second) > 0;
  });
  const late = ringing.rtp.heard.filter(({ sequence }) => sequence >= switched);
  assert.deepEqual(late, []);
});

Deno.test("a call whose ports pass the end of the range by three, as Kamailio's may, is relayed", async () => {
  await using world = await openWorld();
  const call = { ...CALL, snat: "10.10.1.1:30002", dst: "192.0.2.1:30000" };
  await world.kamailio.open(call);
  const { caller } = await converse(world.caller(6000), world.callee(7000), call);
  assert.deepEqual(caller.rtcp.sources(), ["10.10.1.1:30003"]);
  await world.kamailio.close(call);
  await until("the guard reaches as far", async () => {
    return await refusedFrom(world.relay, caller.rtcp.at) > 0;
  });
});

Deno.test("an S of a new call that names the caller twice takes nothing down", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const live = await converse(world.caller(6000), world.callee(7000));
  const { id, src } = numberedCall(1);
  const odd = { id, src, snat: "192.0.2.1:20006", dst: "192.0.2.1:20004", dnat: src };
  await world.kamailio.open(odd);
  await untilTwoWay(live);
  await world.kamailio.close(odd);
  assert.equal((await world.sessions()).length, 1);
});
