import { strict as assert } from "node:assert";
import { CALL, type Kamailio, numberedCall, requestText } from "./kamailio.ts";
import { within } from "./until.ts";
import { converse, expectNoLoss, openWorld, untilTwoWay, type World } from "./world.ts";

/** Ask, and expect the reply without bytes that sends Kamailio to another engine. */
async function expectAway(kamailio: Kamailio, body: string): Promise<void> {
  const before = kamailio.empty;
  await assert.rejects(kamailio.ask(body, 300));
  assert.equal(kamailio.empty, before + 1, body);
}

async function drain(world: World, ...args: readonly string[]): Promise<string> {
  const { code, out, error } = await world.daemon.cli("drain", ...args);
  assert.deepEqual([code, error], [0, ""]);
  return out;
}

async function askUnix(world: World, request: string): Promise<string> {
  const path = world.daemon.controlSocket;
  const connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(request));
  return await within("an answer on the stream", new Response(connection.readable).text());
}

Deno.test("a draining daemon sends Kamailio away, lets calls finish, and is gone with status 0", async () => {
  await using world = await openWorld();
  const { kamailio } = world;
  await kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  const logged = world.daemon.log.length;
  assert.match(await drain(world, "--no-wait", "--ring", "0"), /^draining for 0 s: 1 call left\n$/);

  await expectAway(kamailio, "P");
  await expectAway(kamailio, "G");
  assert.equal(await askUnix(world, "P"), "");
  // A re-INVITE.
  await kamailio.open(CALL);
  // A call that was offered before: its SDP names the relay, so it must not be left alone.
  const ringing = numberedCall(1);
  await expectAway(kamailio, requestText("S", ringing));
  const answered = await converse(world.caller(6004), world.callee(7004), ringing);
  await kamailio.open(ringing);
  await kamailio.openRefused({ ...CALL, id: "thief@test" });

  const { drain: view, control } = await world.status();
  assert.deepEqual([view?.callsLeft, view?.stopsInSeconds, control["away"]], [2, null, 4]);
  assert.match((await world.daemon.cli("status")).out, /\ndraining for \d+ s: 2 calls left\n/);
  assert.match((await world.daemon.cli("show", CALL.id)).out, /takes no new calls \(draining/);

  const again = world.daemon.log.length;
  const watching = world.daemon.cli("drain", "--ring", "0");
  await world.daemon.waitForLog("Draining: no new calls", again);
  await expectNoLoss(talk);
  await kamailio.close(CALL);
  await world.daemon.waitForLog(`Session ended call=${CALL.id}`, logged);
  await untilTwoWay(answered);
  await expectNoLoss(answered);
  await kamailio.close(ringing);
  assert.equal(await world.daemon.ended(), 0);
  const { code, out } = await watching;
  assert.equal(code, 0);
  assert.match(out, /2 calls left\n(1 call left\n)?(0 calls left\n)?The daemon has stopped\.\n$/);
  const log = world.daemon.log.slice(logged);
  assert.match(log, /INFO Draining: no new calls.* callsLeft=1\n.*Draining callsLeft=\d\n/s);
  assert.match(log, /Drained: no call is left.*\n.*lrkproxy stops/);
});

Deno.test("drain waits for calls that may ring, and not for silent ones", async () => {
  await using world = await openWorld({ ini: { session: { timeout: 1, live_window: 1 } } });
  await world.kamailio.open(CALL);
  const begun = performance.now();
  assert.match(await drain(world, "--ring", "4"), /The daemon has stopped/);
  assert(performance.now() - begun >= 4000, "it has stopped too early");
  assert.equal(await world.daemon.ended(), 0);
  assert.match(world.daemon.log, /Session stale/);
  await world.daemon.start();
  assert.equal((await world.sessions()).length, 1, "the kernel has kept it");
});

Deno.test("a drain has its time, and its calls go on in the kernel", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  assert.match(await drain(world, "--timeout", "1"), /1 call left, stops in 1 s at the latest\n/);
  assert.equal(await world.daemon.ended(), 0);
  assert.match(world.daemon.log, /The time to drain is over/);
  await untilTwoWay(talk);
  await expectNoLoss(talk);
});

Deno.test("a drain that is called off leaves a daemon like any other", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await drain(world, "--no-wait", "--ring", "0");
  const again = world.daemon.log.length;
  const watching = world.daemon.cli("drain", "--ring", "0");
  await world.daemon.waitForLog("Draining: no new calls", again);
  assert.equal(await drain(world, "--off"), "The daemon takes calls again.\n");
  const { code, error } = await watching;
  assert.deepEqual([code, error], [1, "lrkproxy: the drain was called off\n"]);
  await world.kamailio.ping();
  await world.kamailio.open(numberedCall(1));
  await world.kamailio.closeAll([CALL, numberedCall(1)]);
  assert.equal((await world.status()).drain, null);
});

Deno.test("SIGTERM ends a draining daemon, whose calls go on", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  await drain(world, "--no-wait");
  assert.equal(await world.daemon.kill("SIGTERM"), 0);
  await expectNoLoss(talk);
  await world.daemon.start();
  await world.kamailio.ping();
});

Deno.test("lrkproxy drain without a daemon ends with 3", async () => {
  await using world = await openWorld();
  await world.daemon.kill("SIGTERM");
  const { code, error } = await world.daemon.cli("drain");
  assert.equal(code, 3);
  assert.match(error, /Cannot reach the daemon/);
});
