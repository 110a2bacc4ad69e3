import assert from "node:assert/strict";
import { makeSession } from "../../tests/contract/rig.ts";
import { endpoint } from "../../tests/support/world.ts";
import {
  type Candidate,
  contestable,
  type FlowFacts,
  judge,
  latchesAfter,
  lockedTo,
  reopenAll,
  reopened,
} from "./latch.ts";
import { type Leg, OPEN_LATCH, type Session } from "./session.ts";

const LOCKED = makeSession({
  latches: [lockedTo(41000), lockedTo(41001), lockedTo(42000), OPEN_LATCH],
});

function withB(remote: string, local = "192.0.2.1:20000"): Leg {
  return { remote: endpoint(remote), local: endpoint(local) };
}

function after(session: Session, b: Leg): Session["latches"] {
  return latchesAfter(session, { callId: session.callId, a: session.a, b });
}

Deno.test("latchesAfter() keeps a known port in use after an identical S, but lets others in", () => {
  const again = [lockedTo(41000), lockedTo(41001), lockedTo(42000)].map(reopened);
  assert.deepEqual(after(LOCKED, LOCKED.b), [...again, OPEN_LATCH]);
  assert.deepEqual(reopenAll(LOCKED).latches, [...again, OPEN_LATCH]);
});

Deno.test("latchesAfter() sends to the port that SDP names now, and still takes the known one", () => {
  const [, , rtp, rtcp] = after(LOCKED, withB("192.0.2.20:7010"));
  assert.deepEqual(rtp, { locked: 42000, open: true, sendTo: 0 });
  assert.deepEqual(rtcp, OPEN_LATCH);
});

Deno.test("latchesAfter() forgets a port that was known of another address", () => {
  for (const leg of [withB("192.0.2.21:7000"), withB("192.0.2.20:7000", "10.10.1.1:20000")]) {
    assert.deepEqual(after(LOCKED, leg).slice(2), [OPEN_LATCH, OPEN_LATCH]);
  }
});

Deno.test("latchesAfter() keeps the known port through a hold by port 0, and learns anew after it", () => {
  const held = withB("192.0.2.20:0");
  const onHold = { ...LOCKED, b: held, latches: after(LOCKED, held) };
  assert.deepEqual(onHold.latches[2], reopened(lockedTo(42000)));
  assert.deepEqual(after(onHold, withB("192.0.2.20:7000")).slice(2), [OPEN_LATCH, OPEN_LATCH]);
});

Deno.test("contestable() are the flows with a known port that are open", () => {
  assert.deepEqual(contestable(LOCKED), []);
  assert.deepEqual(contestable(makeSession()), []);
  assert.deepEqual(contestable(reopenAll(LOCKED)), [0, 1, 2]);
});

Deno.test("judge() lets a port take over once the known one is silent and it goes on", () => {
  const candidate: Candidate = {
    port: 43000,
    heardMs: 1000,
    silentSinceMs: 1000,
    lockedPackets: 7,
  };
  const contested = reopened(lockedTo(41000));
  const facts: FlowFacts = {
    index: 0,
    latch: contested,
    signalledPort: 6000,
    lockedPackets: 7,
    nowMs: 1100,
  };
  const cases: readonly (readonly [string, Partial<Candidate>, Partial<FlowFacts>, unknown])[] = [
    ["nothing was known", {}, { latch: OPEN_LATCH, nowMs: 1000 }, "accepted"],
    ["it went on, the other did not", { heardMs: 1050 }, {}, "accepted"],
    ["it was heard once", {}, {}, candidate],
    ["it is too early", { heardMs: 1050 }, { nowMs: 1099 }, { ...candidate, heardMs: 1050 }],
    ["it was heard long ago", {}, { nowMs: 1501 }, "gone"],
    [
      "the known one goes on",
      { heardMs: 1050 },
      { lockedPackets: 9 },
      { ...candidate, heardMs: 1050, silentSinceMs: 1100, lockedPackets: 9 },
    ],
    ["RTCP takes longer", { heardMs: 1050 }, { index: 1 }, { ...candidate, heardMs: 1050 }],
    ["RTCP has taken longer", { heardMs: 6000 }, { index: 1, nowMs: 7000 }, "accepted"],
    [
      "SDP has just named it",
      { port: 6000 },
      { latch: { ...contested, sendTo: 0 }, lockedPackets: 9, nowMs: 1000 },
      "accepted",
    ],
    ["SDP has named it all along", { port: 6000 }, { nowMs: 1000 }, { ...candidate, port: 6000 }],
  ];
  for (const [name, candidateOf, factsOf, expected] of cases) {
    assert.deepEqual(
      judge({ ...candidate, ...candidateOf }, { ...facts, ...factsOf }),
      expected,
      name,
    );
  }
});
