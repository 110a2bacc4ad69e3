import { strict as assert } from "node:assert";
import { CALL } from "./kamailio.ts";
import { readSet } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

/** Wait until packets to a party on hold have been swallowed by its peer's flow. */
async function untilSwallowed(world: World, from: string): Promise<void> {
  await until("packets to the party on hold are swallowed", async () => {
    const held = await readSet(world.relay, "held");
    return held.some(({ key: [address], packets }) => address === from && packets >= 10);
  });
}

Deno.test("a callee on hold by the address 0.0.0.0 is sent nothing until it resumes", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);

  await world.kamailio.open({ ...CALL, dnat: "0.0.0.0:7000" });
  const held = conversation.fromCaller.rtp.sent;
  await untilSwallowed(world, "10.10.1.10");
  assert.equal((await world.show()).session.callee.onHold, true);
  assert.equal((await world.sessions()).length, 1);

  await world.kamailio.open(CALL);
  const resumed = conversation.fromCaller.rtp.sent;
  await untilTwoWay(conversation);
  const meanwhile = conversation.callee.rtp.of(conversation.fromCaller.rtp)
    .filter(({ sequence }) => sequence >= held && sequence < resumed - 1);
  assert.deepEqual(meanwhile, []);
});

Deno.test("a callee on hold by port 0 is sent nothing, but may play music to the caller", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  const { caller, callee, fromCaller, fromCallee } = conversation;
  await untilLocked(world);

  await world.kamailio.open({ ...CALL, dnat: "192.0.2.20:0" });
  const held = fromCaller.rtp.sent;
  const music = fromCallee.rtp.sent;
  await untilSwallowed(world, "10.10.1.10");
  await until("the caller hears the callee", () => {
    return caller.rtp.of(fromCallee.rtp).some(({ sequence }) => sequence >= music);
  });
  assert.deepEqual(caller.rtp.sources(), [CALL.snat]);

  await world.kamailio.open(CALL);
  const resumed = fromCaller.rtp.sent;
  await untilTwoWay(conversation);
  const meanwhile = callee.rtp.of(fromCaller.rtp)
    .filter(({ sequence }) => sequence >= held && sequence < resumed - 1);
  assert.deepEqual(meanwhile, []);
});

Deno.test("a party behind NAT is in touch again after its hold, at the port it came from", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const conversation = await converse(
    world.caller({ rtp: 41234, rtcp: 52346 }),
    world.callee(7000),
  );
  await untilLocked(world);
  await world.kamailio.open({ ...CALL, src: "0.0.0.0:6000" });
  await untilSwallowed(world, "192.0.2.20");
  await world.kamailio.open(CALL);
  await untilTwoWay(conversation);
});

Deno.test("a call that begins on hold is relayed once both parties have an address", async () => {
  await using world = await openWorld();
  await world.kamailio.open({ ...CALL, src: "0.0.0.0:6000", dnat: "192.0.2.20:0" });
  const caller = world.caller(6000);
  const callee = world.callee(7000);
  const fromCallee = callee.talk(CALL.dst);
  await untilSwallowed(world, "192.0.2.20");
  await world.kamailio.open(CALL);
  await untilTwoWay({ caller, callee, fromCaller: caller.talk(CALL.snat), fromCallee });
});
