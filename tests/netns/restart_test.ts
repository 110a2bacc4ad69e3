import { strict as assert } from "node:assert";
import { CALL, Kamailio, numberedCall, requestText } from "./kamailio.ts";
import { hasTable, refusedFrom, sizes } from "./kernel.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, untilTwoWay, type World } from "./world.ts";

for (
  const [how, end] of Object.entries({
    "SIGTERM": (world: World) => world.daemon.kill("SIGTERM"),
    "lrkproxy stop": async (world: World) => {
      assert.equal((await world.daemon.cli("stop")).code, 0);
      return await world.daemon.ended();
    },
  })
) {
  Deno.test(`${how} ends the daemon and leaves its calls running`, async () => {
    await using world = await openWorld();
    await world.kamailio.open(CALL);
    const conversation = await converse(world.caller(6000), world.callee(7000));
    assert.equal(await end(world), 0);
    assert.equal((await world.daemon.cli("status")).code, 3);
    await untilTwoWay(conversation);
    await world.daemon.start();
    await untilTwoWay(conversation);
    assert.deepEqual((await world.sessions()).map(({ callId }) => callId), [CALL.id]);
  });
}

Deno.test("lrkproxy stop --drop ends the calls and takes the table away", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller } = await converse(world.caller(6000), world.callee(7000));
  assert.equal((await world.daemon.cli("stop", "--drop")).code, 0);
  assert.equal(await world.daemon.ended(), 0);
  const late = fromCaller.rtp.sent;
  assert.equal(await hasTable(world.relay), false);
  await until("the caller has sent more", () => fromCaller.rtp.sent >= late + 10);
  await world.daemon.start();
  assert.deepEqual(await world.sessions(), []);
  await until("the caller is a stranger now", async () => {
    return await refusedFrom(world.relay, caller.rtp.at) > 0;
  });
  assert(callee.rtp.heard.every(({ sequence }) => sequence < late));
});

Deno.test("a port that is heard while no daemon runs is learned at the next start", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const callee = world.callee(7000);
  const fromCallee = callee.talk(CALL.dst);
  await world.daemon.kill("SIGKILL");
  const caller = world.caller({ rtp: 41234, rtcp: 52346 });
  const fromCaller = caller.talk(CALL.snat);
  await until("the caller is heard at once", () => callee.rtp.of(fromCaller.rtp).length > 0);
  await world.daemon.start();
  await untilTwoWay({ caller, callee, fromCaller, fromCallee });
});

Deno.test("a flow that an S has re-opened stays so over a SIGKILL, and then settles", async () => {
  await using world = await openWorld({ ini: { session: { relearn_confirm: 1 } } });
  await world.kamailio.open(CALL);
  const { caller, callee, fromCaller, fromCallee } = await converse(
    world.caller(6000),
    world.callee(7000),
  );
  await untilLocked(world);
  fromCaller.stop();
  await world.kamailio.open(CALL);
  await world.daemon.kill("SIGKILL");
  const moved = world.caller(6100);
  const fromMoved = moved.talk(CALL.snat);
  await world.daemon.start();
  await untilTwoWay({ caller: moved, callee, fromCaller: fromMoved, fromCallee });
  const { caller: view } = await untilLocked(world);
  assert.equal(view.rtp.source, moved.rtp.at);
  assert.notEqual(view.rtp.source, caller.rtp.at);
});

Deno.test("whenever SIGKILL strikes a burst of requests, every call that was answered is there", async () => {
  await using world = await openWorld();
  const calls = Array.from({ length: 150 }, (_, n) => numberedCall(n));
  for (const strikeAfter of [1, 10, 40, 90]) {
    const opened: string[] = [];
    const asked = calls.map(async ({ id }, n) => {
      const reply = await world.kamailio.ask(requestText("S", numberedCall(n)), 1000);
      if (new TextDecoder().decode(reply).endsWith(" OK")) opened.push(id);
    });
    const settled = Promise.allSettled(asked);
    await until("some are answered", () => opened.length >= strikeAfter);
    await world.daemon.kill("SIGKILL");
    await settled;
    await world.daemon.start();
    const there = new Set((await world.sessions()).map(({ callId }) => callId));
    assert.deepEqual(opened.filter((id) => !there.has(id)), []);
    await until("no session is half there", async () => {
      const { sessions, open } = await sizes(world.relay);
      return sessions === there.size && open === 4 * there.size;
    });
    await world.kamailio.openAll(calls);
    assert.equal((await world.sessions()).length, calls.length);
    await world.kamailio.closeAll(calls);
    assert.deepEqual(await sizes(world.relay), { sessions: 0, legs: 0, open: 0, held: 0 });
  }
});

Deno.test("calls of an instance that the new configuration lacks go on until they end", async () => {
  const second = { "instance second": { control_port: 8081, start_port: 40000, end_port: 50000 } };
  await using world = await openWorld({ ini: second });
  const call = { ...CALL, snat: "10.10.1.1:40002", dst: "192.0.2.1:40000" };
  await world.use(new Kamailio(world.relay, { port: 8081 })).open(call);
  const conversation = await converse(world.caller(6000), world.callee(7000), call);
  await untilLocked(world);
  await world.daemon.kill("SIGTERM");
  world.daemon.configure({});
  await world.daemon.start();
  await untilTwoWay(conversation);
  assert.equal((await world.show()).session.instance, "second");
  await world.kamailio.open(numberedCall(1));
  assert.equal((await world.daemon.cli("drop", call.id)).code, 0);
  assert.deepEqual(await sizes(world.relay), { sessions: 1, legs: 0, open: 4, held: 0 });
});

Deno.test("room for more sessions is there after a start with a greater max_sessions", async () => {
  await using world = await openWorld({ ini: { kernel: { max_sessions: 100 } } });
  await world.kamailio.open(CALL);
  const conversation = await converse(world.caller(6000), world.callee(7000));
  await world.daemon.kill("SIGTERM");
  world.daemon.configure({ kernel: { max_sessions: 2000 } });
  await world.daemon.start();
  const calls = Array.from({ length: 600 }, (_, n) => numberedCall(n + 1));
  await world.kamailio.openAll(calls);
  await untilTwoWay(conversation);
});

Deno.test("a table too small for a new configuration is told while it has calls, and then made anew", async () => {
  await using world = await openWorld();
  const restart = async (): Promise<readonly string[]> => {
    await world.daemon.kill("SIGTERM");
    world.daemon.configure({ kernel: { max_sessions: 60_000 } });
    await world.daemon.start();
    return (await world.status()).warnings;
  };
  await world.kamailio.open(CALL);
  assert.match((await restart()).join(), /room for \d+ sessions/);
  assert.match(world.daemon.log, /less room than .*max_sessions.*stop --drop/);
  await world.kamailio.close(CALL);
  assert.deepEqual(await restart(), []);
});
