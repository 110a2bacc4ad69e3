import assert from "node:assert/strict";
import type { FlowCount } from "../../src/core/backend.ts";
import { lockedTo, reopened } from "../../src/core/latch.ts";
import {
  type Flow,
  type FlowIndex,
  flowsOf,
  type Session,
  withLatch,
} from "../../src/core/session.ts";
import { change, open } from "./relaying.ts";
import {
  CALLEE,
  CALLER,
  type ContractCase,
  FOR_CALLEE,
  FOR_CALLER,
  ipBytes,
  makeSession,
  type Rig,
  rtcp,
  rtpPacket,
  withPort,
} from "./rig.ts";

/** What is counted. */
export const COUNTING: readonly ContractCase[] = [
  {
    name: "every flow counts its packets and bytes once",
    run(rig) {
      const session = makeSession();
      open(rig, session);
      const payload = rtpPacket();
      for (let i = 0; i < 3; i++) rig.send({ from: CALLER, to: FOR_CALLER, payload });
      rig.send({ from: rtcp(CALLEE), to: rtcp(FOR_CALLEE), payload: Uint8Array.of(1) });
      assert.deepEqual(counts(rig, session).map(traffic), [
        [3, 3 * ipBytes(payload)],
        [0, 0],
        [0, 0],
        [1, ipBytes(Uint8Array.of(1))],
      ]);
    },
  },
  {
    name: "a locked flow counts what comes from its port, and what it had counted before",
    run(rig) {
      const before = makeSession();
      open(rig, before);
      rig.send({ from: CALLER, to: FOR_CALLER });
      const session = withLatch(before, 0, lockedTo(CALLER.port));
      change(rig, [before], session);
      const start = count(rig, session, 0);
      assert.equal(start.packets, 1);
      rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      const end = count(rig, session, 0);
      assert.equal(end.packets, 3);
      assert.equal(end.lockedPackets - start.lockedPackets, 2);
    },
  },
  {
    name: "a contested flow tells the packets of its known port from others",
    run(rig) {
      const session = withLatch(makeSession(), 0, reopened(lockedTo(CALLER.port)));
      open(rig, session);
      rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      const { packets, lockedPackets } = count(rig, session, 0);
      assert.deepEqual([packets, lockedPackets], [3, 1]);
    },
  },
  {
    name: "a contested flow does so too when the other leg's port is learned",
    run(rig) {
      const before = withLatch(makeSession(), 0, reopened(lockedTo(CALLER.port)));
      open(rig, before);
      rig.send({ from: CALLER, to: FOR_CALLER });
      for (let i = 0; i < 5; i++) rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      const after = withLatch(before, 2, lockedTo(47000));
      change(rig, [before], after);
      const { packets, lockedPackets } = count(rig, after, 0);
      assert.deepEqual([packets, lockedPackets], [6, 1]);
    },
  },
  {
    name: "counts survive every change of the session's form",
    run(rig) {
      let session = makeSession();
      open(rig, session);
      rig.send({ from: CALLER, to: FOR_CALLER });
      const movedTo = withPort(CALLEE, 7010);
      const forms: readonly Session[] = [
        { ...session, b: { remote: movedTo, local: FOR_CALLEE } },
        { ...session, b: { remote: withPort(CALLEE, 0), local: FOR_CALLEE } },
        session,
        withLatch(session, 0, lockedTo(CALLER.port)),
        withLatch(session, 0, reopened(lockedTo(CALLER.port))),
        withLatch(session, 0, lockedTo(41000)),
        { ...session, a: { remote: withPort(CALLER, 6010), local: FOR_CALLER } },
        { ...session, createdMs: 5 },
        session,
      ];
      for (const [i, form] of forms.entries()) {
        change(rig, [session], form);
        session = form;
        assert.equal(count(rig, session, 0).packets, 1, `form ${i}`);
      }
    },
  },
  {
    name: "totals say what became of all packets, and outlive the sessions",
    run(rig) {
      const session = makeSession();
      open(rig, session);
      for (let i = 0; i < 3; i++) rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: rtcp(FOR_CALLER) });
      const locked = withLatch(session, 0, lockedTo(CALLER.port));
      change(rig, [session], locked);
      rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      const held = { ...locked, b: { remote: withPort(CALLEE, 0), local: FOR_CALLEE } };
      change(rig, [locked], held);
      rig.send({ from: CALLER, to: FOR_CALLER });
      change(rig, [held], null);
      rig.send({ from: CALLER, to: FOR_CALLER });
      const { relayed, held: kept, refused } = rig.backend.totals();
      assert.deepEqual([relayed.packets, kept.packets, refused.packets], [5, 1, 2]);
      assert.ok(relayed.bytes > 5 * 28 && refused.bytes > 2 * 28);
    },
  },
  {
    name: "what a held party would have been sent is counted",
    run(rig) {
      const session = makeSession({ b: { remote: withPort(CALLEE, 0), local: FOR_CALLEE } });
      open(rig, session);
      rig.send({ from: CALLER, to: FOR_CALLER });
      rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER });
      assert.equal(count(rig, session, 0).packets, 2);
    },
  },
  {
    name: "a replaced rival's counts are not inherited",
    run(rig) {
      const rival = makeSession();
      open(rig, rival);
      rig.send({ from: CALLER, to: FOR_CALLER });
      const winner = makeSession({ callId: "winner" });
      change(rig, [rival], winner);
      assert.equal(count(rig, winner, 0).packets, 0);
    },
  },
  {
    name: "a flow that is not carried has no count",
    run(rig) {
      const absent = makeSession({ callId: "absent" });
      assert.deepEqual(counts(rig, absent), [null, null, null, null]);
      assert.deepEqual(rig.backend.count([]), []);
    },
  },
];

function counts(rig: Rig, session: Session): readonly (FlowCount | null)[] {
  return rig.backend.count(flowsOf(session).filter((flow): flow is Flow => flow !== null));
}

function count(rig: Rig, session: Session, index: FlowIndex): FlowCount {
  const found = counts(rig, session)[index];
  if (!found) throw new Error(`There is no count of flow ${index}`);
  return found;
}

function traffic(found: FlowCount | null): readonly unknown[] {
  return [found?.packets, found?.bytes];
}
