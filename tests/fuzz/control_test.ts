import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { NO_REPLY, parseRequest } from "../../src/control/request.ts";
import { flowKeysOf } from "../../src/core/session.ts";
import { readCorpus } from "../corpus/corpus.ts";
import { bytesOf, exchange, startDaemon, type TestDaemon, textOf } from "../support/daemon.ts";
import { Dice, mutate } from "./mutate.ts";

/*
 * Damaged requests against everything of the daemon but its sockets. `LRKPROXY_FUZZ=1000000` is the
 * long run; `LRKPROXY_FUZZ_SEED` repeats one that failed.
 */

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes of the heap that no collection of garbage gives back. */
function heapInUse(): number {
  collectGarbage();
  return Deno.memoryUsage().heapUsed;
}

const RUNS = Number(Deno.env.get("LRKPROXY_FUZZ") ?? 50_000);
const SEED = Number(Deno.env.get("LRKPROXY_FUZZ_SEED") ?? Date.now() % 0x7fffffff);
/** As many as wait in a socket in a busy moment. */
const BURST = 50;
const MAX_SESSIONS = 200;
const MEGABYTE = 1 << 20;

/** A call that no damaged request names. */
const LIVE = "S 10.10.1.77 192.0.2.1 10.10.1.1 192.0.2.77 6000 28000 28002 7000 60 live-call ";

async function inCall(): Promise<TestDaemon> {
  const daemon = await startDaemon({ maxSessions: MAX_SESSIONS });
  await exchange(daemon.inbox, [bytesOf(`c ${LIVE}`)]);
  assert.equal(daemon.world.table.size, 1);
  return daemon;
}

/** The kernel holds what the table says, and nothing else. */
function assertConsistent({ world }: TestDaemon): void {
  const { records, flows } = world.backend.kernel;
  const sessions = world.sessions();
  assert.ok(sessions.length <= MAX_SESSIONS);
  assert.equal(records.size, sessions.length);
  assert.equal(flows.size, sessions.flatMap(flowKeysOf).length);
  for (const session of sessions) assert.equal(world.backend.kernel.missing(session), 0);
}

/** A reply is the request and a verdict, or begins with its cookie; who asks for none gets none. */
function assertAnswered(bytes: Uint8Array, replies: readonly (Uint8Array | null)[]): void {
  const asked = textOf(bytes);
  const request = parseRequest(bytes, "cookie");
  const isMute = request.verb !== "none" && request.cookie === NO_REPLY;
  assert.equal(replies.length, isMute ? 0 : 1, asked);
  const [reply = null] = replies;
  if (reply === null) return;
  assert.ok(reply.length <= 255);
  const text = textOf(reply);
  const [cookie = ""] = asked.split(" ");
  const isVerdict = text === `${asked}OK` || text === `${asked}ER`;
  assert.ok(isVerdict || text === `${cookie} P PONG` || text.startsWith(`${cookie} G `), asked);
}

Deno.test(`${RUNS} damaged requests neither break the daemon nor disturb a call (seed ${SEED})`, async () => {
  const corpus = await readCorpus();
  const dice = new Dice(SEED);
  const daemon = await inCall();
  const [live] = daemon.world.sessions();
  let early = 0;
  for (let done = 0; done < RUNS; done += BURST) {
    const burst = Array.from(
      { length: BURST },
      () => mutate(corpus.map(({ bytes }) => bytes), dice),
    );
    const replies = await exchange(daemon.inbox, burst);
    burst.forEach((bytes, i) => assertAnswered(bytes, replies[i] ?? []));
    assert.ok(daemon.world.send("10.10.1.77:6000", "10.10.1.1:28002"), "the live call is relayed");
    daemon.world.advance(0.05);
    daemon.world.takeEvents();
    if (done % (BURST * 20) > 0) continue;
    assertConsistent(daemon);
    const pong = await exchange(daemon.inbox, [bytesOf("c P")]);
    assert.equal(textOf(pong[0]?.[0] ?? new Uint8Array()), "c P PONG");
    if (done <= RUNS / 4) early = heapInUse();
  }
  const { a, b, createdMs, callId } = live ?? {};
  const [now] = daemon.world.sessions().filter((session) => session.callId === callId);
  assert.deepEqual([now?.a, now?.b, now?.createdMs], [a, b, createdMs]);
  const growth = heapInUse() - early;
  assert.ok(growth < 8 * MEGABYTE, `the heap has grown by ${growth} bytes`);
});

Deno.test("bytes that are no requests leave the session table untouched", async () => {
  const dice = new Dice(SEED);
  const daemon = await inCall();
  const { revision } = daemon.world.table;
  for (let done = 0; done < RUNS / 5; done += BURST) {
    const noise = Array.from(
      { length: BURST },
      () => Uint8Array.from({ length: dice.roll(300) }, () => dice.roll(256)),
    );
    await exchange(daemon.inbox, noise);
  }
  assert.equal(daemon.world.table.revision, revision);
  assert.equal(daemon.world.takeEvents().length, 1);
});
