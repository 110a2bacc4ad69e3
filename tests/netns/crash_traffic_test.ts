import { strict as assert } from "node:assert";
import { type Call, numberedCall } from "./kamailio.ts";
import { readSet, readTable, runIn } from "./kernel.ts";
import { type CallReport, RtpPeer } from "./peers.ts";
import { until } from "./until.ts";
import { openWorld, type World } from "./world.ts";

const CALLS = Array.from({ length: 200 }, (_, n) => numberedCall(n));
/** RTP both ways for half a second. */
const WHILE = CALLS.length * 2 * 25;

/** Every second caller sits behind a NAT that shows other ports than SDP. */
function realSource({ src }: Call, n: number): string {
  return n % 2 === 0 ? src : `10.10.1.10:${40000 + 2 * n}`;
}

Deno.test("200 calls lose no packet over four SIGKILLs, and every session is taken over", async () => {
  await using world = await openWorld();
  const caller = world.use(new RtpPeer(world.net.caller, "caller"));
  const callee = world.use(new RtpPeer(world.net.callee, "callee"));
  await establish(world, caller, callee);
  const before = await world.sessions();

  await world.daemon.kill("SIGKILL");
  await untilTraffic(world, WHILE);
  // Killed again in the midst of its start, of its take-over, and of its first look around.
  for (const moment of ["lrkproxy starts", "Sessions taken over", "lrkproxy is ready"]) {
    const logged = world.daemon.log.length;
    world.daemon.spawn();
    await world.daemon.waitForLog(moment, logged);
    await world.daemon.kill("SIGKILL");
  }
  await world.daemon.start();
  await untilTraffic(world, WHILE);

  const after = await world.sessions();
  assert.equal(after.length, CALLS.length);
  CALLS.forEach((call, n) => {
    const session = after.find(({ callId }) => callId === call.id);
    assert.equal(session?.caller.rtp.source, realSource(call, n));
    assert.deepEqual([session?.caller.rtp.latch, session?.callee.rtcp.latch], ["locked", "locked"]);
    assert.equal(session?.state, "active");
  });
  const created = (sessions: typeof before) => sessions.map(({ createdMs }) => createdMs).sort();
  assert.deepEqual(created(after), created(before));
  await expectRightAnswers(world);

  const [sent, lost] = await hangUp(world, caller, callee);
  console.log(`${sent} packets sent, ${lost} lost, 0 doubled`);
  assert.equal(lost, 0);
});

/** Open all calls and wait until both sides' real ports are locked. */
async function establish(world: World, caller: RtpPeer, callee: RtpPeer): Promise<void> {
  caller.tell(CALLS.map((call, n) => `open ${call.id} ${spaced(realSource(call, n))}`));
  callee.tell(CALLS.map((call) => `open ${call.id} ${spaced(call.dnat)}`));
  for (const side of [world.net.caller, world.net.callee]) {
    await until("all sockets are open", async () => {
      return (await runIn(side, "cat", "/proc/net/udp")).split("\n").length > 2 * CALLS.length;
    });
  }
  await world.kamailio.openAll(CALLS);
  // What a callee sends before its caller's NAT is known would miss it, with any relay.
  caller.tell(CALLS.map((call) => `start ${call.id} ${spaced(call.snat)}`));
  await until("the callers are locked", async () => {
    return (await readSet(world.relay, "legs")).length === 2 * CALLS.length;
  });
  callee.tell(CALLS.map((call) => `start ${call.id} ${spaced(call.dst)}`));
  await until("everybody is locked", async () => {
    return (await readSet(world.relay, "legs")).length === 4 * CALLS.length;
  });
}

/** G, S and D as if nothing had happened. */
async function expectRightAnswers({ kamailio, sessions }: World): Promise<void> {
  const { currentPort } = await kamailio.config();
  const live = CALLS.length * 4;
  assert(currentPort >= 20000 + live && currentPort <= 30000, `current_port is ${currentPort}`);
  const [first = numberedCall(0)] = CALLS;
  await kamailio.open(first);
  const fresh = numberedCall(CALLS.length);
  await kamailio.open(fresh);
  await kamailio.openRefused({ ...first, id: "thief@test" });
  await kamailio.close(fresh);
  assert.equal((await sessions()).length, CALLS.length);
}

/** End all calls, and compare what each side has sent with what the other has heard. */
async function hangUp(world: World, caller: RtpPeer, callee: RtpPeer): Promise<[number, number]> {
  for (const side of [caller, callee]) side.tell(CALLS.map(({ id }) => `stop ${id}`));
  let carried = 0;
  await until("nobody sends any more", async () => {
    const last = carried;
    return last === (carried = await packetsCarried(world));
  });
  await world.kamailio.closeAll(CALLS);
  for (const side of [caller, callee]) side.tell(CALLS.map(({ id }) => `probe ${id}`));
  const [ofCaller, ofCallee] = await Promise.all([caller.finish(), callee.finish()]);
  let sent = 0;
  let lost = 0;
  for (const { id } of CALLS) {
    const [one, other] = [ofCaller.get(id), ofCallee.get(id)];
    assert(one && other);
    for (const [from, to] of [[one, other], [other, one]] as const) {
      const way = compare(from, to);
      sent += way.sent;
      lost += way.lost;
    }
  }
  return [sent, lost];
}

function compare(from: CallReport, to: CallReport): { sent: number; lost: number } {
  const streams = [[from.rtp, to.rtp], [from.rtcp, to.rtcp]] as const;
  for (const [{ sendErrors }, heard] of streams) {
    const { duplicate, reordered, wrongSource, foreign, malformed, probes } = heard;
    assert.deepEqual(
      { sendErrors, duplicate, reordered, wrongSource, foreign, malformed, probes },
      {
        sendErrors: 0,
        duplicate: 0,
        reordered: 0,
        wrongSource: 0,
        foreign: 0,
        malformed: 0,
        probes: 0,
      },
      from.call,
    );
  }
  const sent = from.rtp.sent + from.rtcp.sent;
  return { sent, lost: sent - to.rtp.unique - to.rtcp.unique };
}

/** Wait until the kernel has carried so many more packets. */
async function untilTraffic(world: World, packets: number): Promise<void> {
  const before = await packetsCarried(world);
  await until(`${packets} packets are relayed`, async () => {
    return await packetsCarried(world) >= before + packets;
  });
}

async function packetsCarried({ relay }: World): Promise<number> {
  const table = await readTable(relay);
  return ["legs", "open"].flatMap((set) => table.get(set) ?? [])
    .reduce((sum, { packets }) => sum + packets, 0);
}

function spaced(endpoint: string): string {
  return endpoint.replace(":", " ");
}
