import { strict as assert } from "node:assert";
import { CROWD, Crowd, realSource } from "./crowd.ts";
import { numberedCall } from "./kamailio.ts";
import { readTable } from "./kernel.ts";
import { openWorld, type World } from "./world.ts";

/** RTP both ways for half a second. */
const WHILE = CROWD.length * 2 * 25;

Deno.test("200 calls lose no packet over four SIGKILLs, and every session is taken over", async () => {
  await using world = await openWorld();
  const crowd = world.use(new Crowd({ ...world, table: () => readTable(world.relay) }));
  await crowd.establish();
  const before = await world.sessions();

  await world.daemon.kill("SIGKILL");
  await crowd.untilTraffic(WHILE);
  // Killed again in the midst of its start, of its take-over, and of its first look around.
  for (const moment of ["lrkproxy starts", "Sessions taken over", "lrkproxy is ready"]) {
    const logged = world.daemon.log.length;
    world.daemon.spawn();
    await world.daemon.waitForLog(moment, logged);
    await world.daemon.kill("SIGKILL");
  }
  await world.daemon.start();
  await crowd.untilTraffic(WHILE);

  const after = await world.sessions();
  assert.equal(after.length, CROWD.length);
  CROWD.forEach((call, n) => {
    const session = after.find(({ callId }) => callId === call.id);
    assert.equal(session?.caller.rtp.source, realSource(call, n));
    assert.deepEqual([session?.caller.rtp.latch, session?.callee.rtcp.latch], ["locked", "locked"]);
    assert.equal(session?.state, "active");
  });
  const created = (sessions: typeof before) => sessions.map(({ createdMs }) => createdMs).sort();
  assert.deepEqual(created(after), created(before));
  await expectRightAnswers(world);

  const { sent, lost } = await crowd.hangUp();
  console.log(`${sent} packets sent, ${lost} lost, 0 doubled`);
  assert.equal(lost, 0);
});

/** G, S and D as if nothing had happened. */
async function expectRightAnswers({ kamailio, sessions }: World): Promise<void> {
  const { currentPort } = await kamailio.config();
  const live = CROWD.length * 4;
  assert(currentPort >= 20000 + live && currentPort <= 30000, `current_port is ${currentPort}`);
  const [first = numberedCall(0)] = CROWD;
  await kamailio.open(first);
  const fresh = numberedCall(CROWD.length);
  await kamailio.open(fresh);
  await kamailio.openRefused({ ...first, id: "thief@test" });
  await kamailio.close(fresh);
  assert.equal((await sessions()).length, CROWD.length);
}
