import assert from "node:assert/strict";
import { lockedTo, reopened } from "../../src/core/latch.ts";
import { OPEN_LATCHES, type Session } from "../../src/core/session.ts";
import {
  at,
  CALLEE,
  CALLER,
  type ContractCase,
  FOR_CALLEE,
  FOR_CALLER,
  learnedBy,
  makeSession,
  type Rig,
  rtcp,
  rtpPacket,
  STRANGER,
  withPort,
} from "./rig.ts";

/** What becomes of packets. */
export const RELAYING: readonly ContractCase[] = [
  {
    name: "RTP and RTCP go both ways, from the other party's relay socket",
    run(rig) {
      open(rig, makeSession());
      const ways = [
        [CALLER, FOR_CALLER, FOR_CALLEE, CALLEE],
        [rtcp(CALLER), rtcp(FOR_CALLER), rtcp(FOR_CALLEE), rtcp(CALLEE)],
        [CALLEE, FOR_CALLEE, FOR_CALLER, CALLER],
        [rtcp(CALLEE), rtcp(FOR_CALLEE), rtcp(FOR_CALLER), rtcp(CALLER)],
      ] as const;
      ways.forEach(([from, to, source, destination], i) => {
        const payload = rtpPacket(i);
        assert.deepEqual(rig.send({ from, to, payload }), {
          from: source,
          to: destination,
          payload,
        });
      });
    },
  },
  {
    name: "both legs may share one relay socket",
    run(rig) {
      const local = FOR_CALLER;
      open(
        rig,
        makeSession({ a: { remote: CALLER, local }, b: { remote: CALLEE, local } }),
      );
      assert.deepEqual(path(rig.send({ from: CALLER, to: local })), [local, CALLEE]);
      assert.deepEqual(path(rig.send({ from: CALLEE, to: local })), [local, CALLER]);
    },
  },
  {
    name: "nobody else gets anything through, and is seen",
    run(rig) {
      open(rig, makeSession());
      assert.equal(rig.send({ from: STRANGER, to: FOR_CALLER }), null);
      assert.equal(rig.send({ from: STRANGER, to: FOR_CALLER }), null);
      assert.equal(rig.send({ from: CALLER, to: withPort(FOR_CALLER, 20006) }), null);
      const seen = rig.backend.strangers().map(({ key, port, packets }) => ({ key, port, packets }))
        .toSorted((one, other) => one.key.remote - other.key.remote);
      assert.deepEqual(seen, [
        {
          key: { remote: CALLER.address, local: withPort(FOR_CALLER, 20006) },
          port: CALLER.port,
          packets: 1,
        },
        { key: { remote: STRANGER.address, local: FOR_CALLER }, port: STRANGER.port, packets: 2 },
      ]);
    },
  },
  {
    name: "an open flow takes any port, and reports the first that speaks RTP once",
    run(rig) {
      open(rig, makeSession());
      const key = { remote: CALLER.address, local: FOR_CALLER };
      const noise = { from: withPort(CALLER, 41000), to: FOR_CALLER, payload: Uint8Array.of(1, 2) };
      assert.ok(rig.send(noise));
      assert.ok(rig.send({ ...noise, payload: new Uint8Array() }));
      assert.ok(rig.send({ ...noise, payload: Uint8Array.of(0x40, 0, 0, 0) }));
      assert.deepEqual(learnedBy(rig.backend), []);
      assert.ok(rig.send({ from: withPort(CALLER, 41001), to: FOR_CALLER }));
      assert.ok(rig.send({ from: withPort(CALLER, 41002), to: FOR_CALLER }));
      assert.deepEqual(learnedBy(rig.backend), [{ key, port: 41001 }]);
      assert.deepEqual(learnedBy(rig.backend), []);
      assert.ok(rig.send({ from: withPort(CALLER, 41002), to: FOR_CALLER }));
      assert.deepEqual(learnedBy(rig.backend), [{ key, port: 41002 }]);
      assert.deepEqual(rig.backend.strangers(), []);
    },
  },
  {
    name: "a locked flow takes its own port alone",
    run(rig) {
      open(rig, makeSession({ latches: latchA(lockedTo(41000)) }));
      assert.ok(rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER }));
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
      assert.ok(rig.send({ from: rtcp(CALLER), to: rtcp(FOR_CALLER) }), "RTCP is another flow");
      assert.deepEqual(learnedBy(rig.backend).map(({ port }) => port), [rtcp(CALLER).port]);
      const [stranger] = rig.backend.strangers();
      assert.deepEqual([stranger?.key.remote, stranger?.port], [CALLER.address, CALLER.port]);
    },
  },
  {
    name: "a contested flow takes its known port and others, and reports the others",
    run(rig) {
      open(rig, makeSession({ latches: latchA(reopened(lockedTo(41000))) }));
      assert.ok(rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER }));
      assert.deepEqual(learnedBy(rig.backend), []);
      assert.ok(rig.send({ from: withPort(CALLER, 41005), to: FOR_CALLER }));
      assert.deepEqual(learnedBy(rig.backend).map(({ port }) => port), [41005]);
    },
  },
  {
    name: "packets go to the port that the party speaks from, once it is known",
    run(rig) {
      open(rig, makeSession({ latches: latchA(lockedTo(41000)) }));
      const back = rig.send({ from: CALLEE, to: FOR_CALLEE });
      assert.deepEqual(back?.to, withPort(CALLER, 41000));
      const backRtcp = rig.send({ from: rtcp(CALLEE), to: rtcp(FOR_CALLEE) });
      assert.deepEqual(backRtcp?.to, rtcp(CALLER));
    },
  },
  {
    name:
      "a party on hold is sent nothing, by port 0 and by address 0, and the other is no stranger",
    run(rig) {
      for (const remote of [withPort(CALLEE, 0), at("0.0.0.0:7000"), at("0.0.0.0:0")]) {
        const active = makeSession();
        const held = makeSession({ b: { remote, local: FOR_CALLEE } });
        open(rig, active);
        change(rig, [active], held);
        assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
        assert.equal(rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER }), null);
        const fromHeld = rig.send({ from: CALLEE, to: FOR_CALLEE });
        if (remote.address !== 0) assert.deepEqual(path(fromHeld), [FOR_CALLER, CALLER]);
        else assert.equal(fromHeld, null);
        change(rig, [held], active);
        assert.deepEqual(path(rig.send({ from: CALLER, to: FOR_CALLER })), [FOR_CALLEE, CALLEE]);
        change(rig, [active], null);
      }
      const strangers = rig.backend.strangers().map(({ key }) => key.remote);
      assert.ok(!strangers.includes(CALLER.address));
    },
  },
  {
    name: "a session that is taken away is relayed no more",
    run(rig) {
      const session = makeSession();
      open(rig, session);
      change(rig, [session], null);
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
      assert.equal(rig.send({ from: CALLEE, to: FOR_CALLEE }), null);
    },
  },
  {
    name: "a session leaves another one of the same Call-ID alone",
    run(rig) {
      const first = makeSession();
      const other = makeSession({
        a: { remote: CALLER, local: withPort(FOR_CALLER, 20006) },
        b: { remote: CALLEE, local: withPort(FOR_CALLEE, 20004) },
      });
      open(rig, first);
      open(rig, other);
      change(rig, [first], null);
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
      assert.deepEqual(rig.send({ from: CALLER, to: other.a.local })?.to, CALLEE);
    },
  },
  {
    name: "a rival is replaced at one instant",
    run(rig) {
      const rival = makeSession();
      const winner = makeSession({
        callId: "winner",
        b: { remote: withPort(CALLEE, 7400), local: FOR_CALLEE },
      });
      open(rig, rival);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      change(rig, [rival], winner);
      const { a, b } = winner;
      assert.deepEqual(path(rig.send({ from: CALLER, to: a.local })), [b.local, b.remote]);
    },
  },
];

/** Make a change that must succeed. */
export function change(rig: Rig, before: readonly Session[], after: Session | null): void {
  assert.deepEqual(rig.backend.apply([{ before, after }]), [null]);
}

/** Open a session, which must succeed. */
export function open(rig: Rig, session: Session): void {
  change(rig, [], session);
}

function latchA(latch: Session["latches"][0]): Session["latches"] {
  const [, ...others] = OPEN_LATCHES;
  return [latch, ...others];
}

function path(packet: ReturnType<Rig["send"]>): readonly unknown[] | null {
  return packet && [packet.from, packet.to];
}
