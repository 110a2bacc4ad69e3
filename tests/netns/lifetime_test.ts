import { strict as assert } from "node:assert";
import { ADDRESSES } from "../../src/netns/namespaces.ts";
import { CALL, numberedCall } from "./kamailio.ts";
import { refusedFrom, sizes } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

async function untilState(world: World, state: "unheard" | "active" | "stale"): Promise<void> {
  await until(`the call is ${state}`, async () => (await world.show()).session.state === state);
}

async function untilGone(world: World): Promise<void> {
  await until("the call is removed", async () => (await world.sessions()).length === 0, 10_000);
  assert.deepEqual(await sizes(world.relay), { sessions: 0, legs: 0, open: 0, held: 0 });
}

async function refusals(world: World): Promise<Record<string, number>> {
  return (await world.status()).relay.refused as Record<string, number>;
}

Deno.test("a silent call turns stale, frees its ports, still relays, and comes back to life", async () => {
  await using world = await openWorld({ ini: { session: { timeout: 1, live_window: 1 } } });
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller, fromCallee } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  await untilLocked(world);
  fromCaller.stop();
  fromCallee.stop();
  await untilState(world, "stale");
  assert.equal((await world.status()).instances[0]?.portsInUse, 0);
  const again = { fromCaller: caller.talk(CALL.snat), fromCallee: callee.talk(CALL.dst) };
  await untilTwoWay({ caller, callee, ...again });
  await untilState(world, "active");
  assert.equal((await world.status()).instances[0]?.portsInUse, 4);
  assert.deepEqual(callee.rtp.sources(), [CALL.dst]);
});

Deno.test("RTCP alone keeps a call alive, as on hold or in silence", async () => {
  await using world = await openWorld({
    ini: { session: { timeout: 1, live_window: 1, stale_limit: 2 } },
  });
  await world.kamailio.open(CALL);
  const rtcp = world.caller(6000).rtcp.stream("rtcp", "10.10.1.1:20003");
  // Three seconds and a half of it, against two after which a silent call would be removed.
  await until("much RTCP has been sent", () => rtcp.sent >= 35, 10_000);
  assert.equal((await world.show()).session.state, "active");
  rtcp.stop();
  await untilGone(world);
});

Deno.test("a call that falls silent is removed after stale_limit", async () => {
  await using world = await openWorld({
    ini: { session: { timeout: 1, live_window: 1, stale_limit: 2 } },
  });
  await world.kamailio.open(CALL);
  const { fromCaller, fromCallee } = await converse(world.caller(6000), world.callee(7000));
  fromCaller.stop();
  fromCallee.stop();
  await untilState(world, "stale");
  await untilGone(world);
  assert.equal(((await world.status()).relay.ended as Record<string, number>).silent, 1);
});

Deno.test("a call that was never heard is removed after unheard_limit", async () => {
  await using world = await openWorld({ ini: { session: { unheard_limit: 1 } } });
  await world.kamailio.open(CALL);
  await untilState(world, "unheard");
  await untilGone(world);
  assert.equal(((await world.status()).relay.ended as Record<string, number>)["never-heard"], 1);
});

Deno.test("D for unknown calls, with empty fields and repeated, is answered OK and touches nothing", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await world.kamailio.close({ ...CALL, id: "unknown@test" });
  await world.kamailio.close({ ...CALL, snat: ":", dnat: ":" });
  await world.kamailio.close({ ...CALL, snat: "10.10.1.1:20006", dst: "192.0.2.1:20004" });
  await world.kamailio.close(numberedCall(5));
  await untilTwoWay(conversation);
  await world.kamailio.close(CALL);
  await world.kamailio.close(CALL);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("an S whose ports a live call has is refused, and the live call loses no packet", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  const thief = { ...CALL, id: "thief@test", src: "10.10.1.10:6500", dnat: "192.0.2.20:7500" };
  const begun = conversation.fromCaller.rtp.sent;
  for (let i = 0; i < 3; i++) await world.kamailio.openRefused(thief);
  await untilTwoWay(conversation);
  const { callee, fromCaller } = conversation;
  fromCaller.stop();
  await until("the last packet arrives", () => {
    return callee.rtp.of(fromCaller.rtp).at(-1)?.sequence === fromCaller.rtp.sent - 1;
  });
  const sequences = callee.rtp.of(fromCaller.rtp).map(({ sequence }) => sequence);
  const expected = Array.from({ length: fromCaller.rtp.sent - begun }, (_, i) => begun + i);
  assert.deepEqual(sequences.filter((sequence) => sequence >= begun), expected);
  assert.equal((await refusals(world)).collision, 3);
  const line = world.daemon.log.split("\n").find((text) => text.includes("collision")) ?? "";
  assert(line.includes("thief@test") && line.includes(CALL.id), line);
});

Deno.test("an S whose ports a silent call has takes that call's place", async () => {
  await using world = await openWorld({ ini: { session: { live_window: 1 } } });
  await world.kamailio.open(CALL);
  const { fromCaller, fromCallee } = await converse(world.caller(6000), world.callee(7000));
  fromCaller.stop();
  fromCallee.stop();
  const next = { ...CALL, id: "next@test", src: "10.10.1.10:6500", dnat: "192.0.2.20:7500" };
  await until("the ports are free", async () => {
    try {
      await world.kamailio.open(next);
      return true;
    } catch (error) {
      if (error instanceof assert.AssertionError) return false;
      throw error;
    }
  });
  await converse(world.caller(6500), world.callee(7500), next);
  assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [next.id]);
  // A late D of the call that was replaced must not end the one in its place.
  await world.kamailio.close(CALL);
  assert.equal((await world.sessions()).length, 1);
});

Deno.test("calls with the same relay ports live side by side while their parties' addresses differ", async () => {
  await using world = await openWorld();
  const [a] = ADDRESSES.callerStrangers;
  const [b] = ADDRESSES.calleeStrangers;
  const other = { ...CALL, id: "other@test", src: `${a}:6000`, dnat: `${b}:7000` };
  await world.kamailio.open(CALL);
  await world.kamailio.open(other);
  const one = await converse(world.caller(6000), world.callee(7000));
  await converse(world.caller(6000, a), world.callee(7000, b), other);
  await world.kamailio.close(other);
  await until("the other is turned away", async () => await refusedFrom(world.relay, a) > 0);
  await untilTwoWay(one);
});

Deno.test("a call beyond max_sessions is refused, and fits once another has ended", async () => {
  await using world = await openWorld({ ini: { kernel: { max_sessions: 2 } } });
  const [first, second, third] = [0, 1, 2].map(numberedCall);
  assert(first && second && third);
  await world.kamailio.open(first);
  await world.kamailio.open(second);
  await world.kamailio.openRefused(third);
  await world.kamailio.open(second);
  assert.equal((await refusals(world)).full, 1);
  await world.kamailio.close(first);
  await world.kamailio.open(third);
  await converse(world.caller(6008), world.callee(7008), third);
});

const FORBIDDEN = {
  "the relay's own address": "192.0.2.1",
  "the relay's other address": "10.10.1.1",
  "a loopback address": "127.0.0.1",
  "a multicast address": "224.0.0.251",
  "the broadcast address of a link": "10.10.1.255",
  "the broadcast address": "255.255.255.255",
  "an address in a refused network": "203.0.113.9",
};

Deno.test("a call to what is no single remote host is refused", async () => {
  await using world = await openWorld({ ini: { session: { refuse: "203.0.113.0/24" } } });
  for (const address of Object.values(FORBIDDEN)) {
    await world.kamailio.openRefused({ ...CALL, dnat: `${address}:7000` });
    await world.kamailio.openRefused({ ...CALL, src: `${address}:6000` });
  }
  assert.equal((await refusals(world))["forbidden-remote"], 2 * Object.keys(FORBIDDEN).length);
  assert.deepEqual(await world.sessions(), []);
});

Deno.test("fields that Kamailio garbles are refused one by one, and the daemon goes on", async () => {
  await using world = await openWorld();
  for (
    const garbled of [
      { ...CALL, src: "10.10.1.1\u0000:6000" },
      { ...CALL, src: ":6000" },
      { ...CALL, dnat: "fd00.1:7000" },
      { ...CALL, dnat: "192.0.2.20:70000" },
      { ...CALL, dst: "192.0.2.1:0" },
      { ...CALL, dst: "198.51.100.7:20000" },
      { ...CALL, id: "" },
    ]
  ) await world.kamailio.openRefused(garbled);
  assert.deepEqual(await world.sessions(), []);
  await world.kamailio.open(CALL);
  await converse(world.caller(6000), world.callee(7000));
});
