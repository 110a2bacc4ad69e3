import assert from "node:assert/strict";
import type { BackendError } from "../../src/core/backend.ts";
import { lockedTo } from "../../src/core/latch.ts";
import { withLatch } from "../../src/core/session.ts";
import { change, open } from "./relaying.ts";
import {
  CALLEE,
  CALLER,
  type ContractCase,
  FOR_CALLEE,
  FOR_CALLER,
  makeSession,
  numberedSession,
  withPort,
} from "./rig.ts";

/** Changes in batches, at the limit, and where the kernel holds something else than was thought. */
export const CHANGING: readonly ContractCase[] = [
  {
    name: "no changes are no work",
    run(rig) {
      assert.deepEqual(rig.backend.apply([]), []);
    },
  },
  {
    name: "changes of one batch happen in their order",
    run(rig) {
      const session = makeSession();
      const locked = withLatch(session, 0, lockedTo(41000));
      const other = makeSession({ callId: "other" });
      const results = rig.backend.apply([
        { before: [], after: session },
        { before: [session], after: locked },
        { before: [locked], after: null },
        { before: [], after: other },
      ]);
      assert.deepEqual(results, [null, null, null, null]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      change(rig, [other], null);
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
    },
  },
  {
    name: "one change that does not fit leaves the others of its batch alone",
    run(rig) {
      const many = Array.from({ length: rig.capacity - 1 }, (_, i) => numberedSession(i));
      const results = rig.backend.apply(many.map((after) => ({ before: [], after })));
      assert.deepEqual(results.filter((error) => error !== null), []);
      const [first = makeSession()] = many;
      const moved = { ...first, b: { ...first.b, remote: withPort(CALLEE, 7010) } };
      const [fits, tooMany, update, close] = rig.backend.apply([
        { before: [], after: makeSession() },
        { before: [], after: numberedSession(rig.capacity) },
        { before: [first], after: moved },
        { before: many.slice(1, 2), after: null },
      ]);
      assert.deepEqual([fits, kindOf(tooMany), update, close], [null, "full", null, null]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      // There is room for one again.
      change(rig, [], numberedSession(rig.capacity));
    },
  },
  {
    name: "a full data path still takes updates and replacements",
    run(rig) {
      const many = Array.from({ length: rig.capacity - 1 }, (_, i) => numberedSession(i));
      rig.backend.apply(many.map((after) => ({ before: [], after })));
      const session = makeSession();
      open(rig, session);
      const locked = withLatch(session, 0, lockedTo(41000));
      change(rig, [session], locked);
      change(rig, [locked], makeSession({ callId: "winner" }));
    },
  },
  {
    name: "a session that is there already is put right",
    async run(rig) {
      const stale = makeSession({ b: { remote: withPort(CALLEE, 7010), local: FOR_CALLEE } });
      open(rig, stale);
      const after = rig.restart();
      await after.attach();
      const session = makeSession();
      assert.deepEqual(after.apply([{ before: [], after: session }]), [null]);
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, CALLEE);
      assert.deepEqual(await rig.restart().attach(), [session]);
    },
  },
  {
    name: "a session that is not there can be changed and taken away",
    async run(rig) {
      const session = makeSession();
      const locked = withLatch(session, 0, lockedTo(41000));
      change(rig, [session], null);
      change(rig, [session], locked);
      assert.ok(rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER }));
      assert.deepEqual(await rig.restart().attach(), [locked]);
    },
  },
  {
    name: "a session that has lost an element can be changed and taken away",
    async run(rig) {
      const session = makeSession();
      const moved = makeSession({ b: { remote: withPort(CALLEE, 7010), local: FOR_CALLEE } });
      open(rig, session);
      rig.vandalise("element", session);
      change(rig, [session], moved);
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, moved.b.remote);
      rig.vandalise("element", moved);
      change(rig, [moved], null);
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
      assert.deepEqual(await rig.restart().attach(), []);
    },
  },
];

function kindOf(error: BackendError | null | undefined): string | undefined {
  return error?.kind;
}
