import assert from "node:assert/strict";
import { lockedTo, reopened } from "../../src/core/latch.ts";
import {
  flowsOf,
  hasIdentity,
  identityOf,
  identityText,
  OPEN_LATCH,
  type Session,
  withLatch,
} from "../../src/core/session.ts";
import { change, open } from "./relaying.ts";
import {
  at,
  CALLEE,
  CALLER,
  type ContractCase,
  FOR_CALLEE,
  FOR_CALLER,
  learnedBy,
  ledgerOf,
  makeSession,
  numberedSession,
  RANGES,
  rtcp,
  STRANGER,
  type Vandalism,
  withPort,
} from "./rig.ts";

/** What must come back as it was. */
const FORMS: readonly Session[] = [
  makeSession(),
  makeSession({ latches: [lockedTo(41000), lockedTo(41001), lockedTo(42000), lockedTo(42001)] }),
  makeSession({
    latches: [
      reopened(lockedTo(41000)),
      { locked: 41001, open: true, sendTo: 0 },
      OPEN_LATCH,
      lockedTo(65535),
    ],
  }),
  makeSession({ b: { remote: withPort(CALLEE, 0), local: FOR_CALLEE } }),
  makeSession({ b: { remote: at("0.0.0.0:0"), local: FOR_CALLEE } }),
  makeSession({ callId: `a b%20"\\\u0000\u00ff;{}'$` }),
  makeSession({ callId: "x".repeat(120) }),
  makeSession({
    a: { remote: CALLER, local: FOR_CALLER },
    b: { remote: CALLEE, local: FOR_CALLER },
  }),
  makeSession({ instance: "second", createdMs: 0 }),
];

const DAMAGES: readonly Vandalism[] = ["table", "flows", "records", "rule", "element"];

/** What outlasts a daemon, and what others do to the kernel. */
export const LASTING: readonly ContractCase[] = [
  ...FORMS.map((form, i): ContractCase => ({
    name: `a new back end finds the session of form ${i} as it was left`,
    async run(rig) {
      open(rig, form);
      assert.deepEqual(await rig.restart().attach(), [form]);
    },
  })),
  {
    name: "packets are relayed, counted and learned while no daemon runs",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      const next = rig.restart();
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, CALLEE);
      const [found = session] = await next.attach();
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      const [flow] = flowsOf(found);
      assert.equal(flow && next.count([flow])[0]?.packets, 2);
      assert.deepEqual(learnedBy(next).map(({ port }) => port), [CALLER.port]);
    },
  },
  {
    name: "other ranges are guarded from now on, also after a restoration, and calls go on",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      const [caller, callee] = RANGES;
      assert.ok(caller && callee);
      const moved = { ...caller, startPort: 30000, endPort: 30999 };
      rig.backend.reconfigure({ maxSessions: rig.capacity, ranges: [moved, callee] });
      const refused = (): readonly number[] =>
        rig.backend.strangers().map(({ key: { local } }) => local.port).sort();
      rig.send({ from: STRANGER, to: withPort(FOR_CALLER, 30002) });
      rig.send({ from: STRANGER, to: withPort(FOR_CALLER, 20006) });
      assert.deepEqual(refused(), [30002]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      assert.ok(rig.backend.isIntact([session]));
      assert.equal(await rig.backend.restore(ledgerOf(session)), 0);
      rig.send({ from: STRANGER, to: withPort(FOR_CALLER, 30004) });
      assert.deepEqual(refused(), [30002, 30004]);
    },
  },
  {
    name: "attaching twice changes nothing",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      assert.deepEqual(await rig.backend.attach(), [session]);
      assert.ok(rig.backend.isIntact([session]));
      assert.equal(await rig.backend.restore(ledgerOf(session)), 0);
    },
  },
  {
    name: "an untouched data path is intact, and our own changes do not touch it",
    async run(rig) {
      const session = makeSession();
      assert.ok(rig.backend.isIntact([]));
      open(rig, session);
      rig.send({ from: CALLER, to: FOR_CALLER });
      learnedBy(rig.backend);
      assert.ok(rig.backend.isIntact([session]));
      assert.equal(await rig.backend.restore(ledgerOf(session)), 0);
      assert.ok(rig.backend.isIntact([session]));
    },
  },
  ...DAMAGES.map((damage): ContractCase => ({
    name: `damage is seen and mended: ${damage}`,
    async run(rig) {
      const session = makeSession({
        latches: [lockedTo(CALLER.port), OPEN_LATCH, OPEN_LATCH, reopened(lockedTo(7001))],
      });
      const bystander = numberedSession(1);
      for (const each of [session, bystander]) open(rig, each);
      rig.vandalise(damage, session);
      assert.equal(rig.backend.isIntact([session]), false);
      assert.equal(rig.backend.isIntact([session]), false, "it stays broken until it is mended");
      const ledger = ledgerOf(session, bystander);
      assert.ok(await rig.backend.restore(ledger) > 0);
      assert.ok(rig.backend.isIntact([session, bystander]));
      assert.equal(await rig.backend.restore(ledger), 0, "nothing is left to mend");
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, CALLEE);
      assert.deepEqual(rig.send({ from: rtcp(CALLEE), to: rtcp(FOR_CALLEE) })?.to, rtcp(CALLER));
      assert.equal(rig.send({ from: withPort(CALLER, 41000), to: FOR_CALLER }), null);
      const back = await rig.restart().attach();
      assert.deepEqual(
        back.map(identityText).toSorted(),
        [session, bystander].map(identityText).toSorted(),
      );
    },
  })),
  ...(["table", "rule"] as const).map((damage): ContractCase => ({
    name: `a probe says whether a call could be taken, and mends nothing: ${damage}`,
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      assert.equal(rig.backend.probe(), null);
      rig.vandalise(damage, session);
      assert.ok(rig.backend.probe());
      assert.equal(rig.backend.isIntact([session]), false);
      await rig.backend.restore(ledgerOf(session));
      assert.equal(rig.backend.probe(), null);
    },
  })),
  ...DAMAGES.map((damage): ContractCase => ({
    name: `a new back end mends what happened before it came: ${damage}`,
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      rig.vandalise(damage, session);
      const next = rig.restart();
      await next.attach();
      await next.restore(ledgerOf(session));
      assert.ok(next.isIntact([session]));
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, CALLEE);
    },
  })),
  {
    name: "damage with no sessions is mended too",
    async run(rig) {
      rig.vandalise("table", makeSession());
      assert.equal(rig.backend.isIntact([]), false);
      await rig.backend.restore(ledgerOf());
      assert.ok(rig.backend.isIntact([]));
      open(rig, makeSession());
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    },
  },
  {
    name: "two restorations at once do not disturb one another",
    async run(rig) {
      const session = makeSession();
      const ledger = ledgerOf(session);
      open(rig, session);
      rig.vandalise("table", session);
      await Promise.all([rig.backend.restore(ledger), rig.backend.restore(ledger)]);
      assert.equal(await rig.backend.restore(ledger), 0);
      assert.deepEqual(rig.send({ from: CALLER, to: FOR_CALLER })?.to, CALLEE);
    },
  },
  {
    name: "a call that changes while all is put back costs no other one",
    async run(rig) {
      const others = [1, 2, 3].map(numberedSession);
      const before = makeSession();
      const after = withLatch(before, 0, lockedTo(CALLER.port));
      for (const session of [before, ...others]) open(rig, session);
      rig.vandalise("table", before);
      let current = before;
      const done = rig.backend.restore({
        ...ledgerOf(before, ...others),
        get: (wanted) => [current, ...others].find((each) => hasIdentity(each, identityOf(wanted))),
      });
      // As early as the data path takes it, which may be before all is put back.
      while (rig.backend.apply([{ before: [before], after }])[0]) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      current = after;
      await done;
      assert.ok(rig.backend.isIntact([after, ...others]));
    },
  },
  {
    name: "what the ledger does not have is taken away",
    async run(rig) {
      const session = makeSession();
      const orphan = numberedSession(1);
      const olderForm = { ...session, latches: FORMS[1]?.latches ?? session.latches };
      open(rig, session);
      open(rig, orphan);
      change(rig, [session], olderForm);
      assert.ok(await rig.backend.restore(ledgerOf(session)) > 0);
      assert.deepEqual(await rig.restart().attach(), [session]);
      assert.ok(rig.send({ from: withPort(CALLER, 43000), to: FOR_CALLER }));
    },
  },
  {
    name: "what others do beside us is neither damage nor touched",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      rig.vandalise("unrelated", session);
      assert.ok(rig.backend.isIntact([session]));
      assert.equal(await rig.backend.restore(ledgerOf(session)), 0);
      rig.vandalise("table", session);
      await rig.backend.restore(ledgerOf(session));
      assert.ok(rig.hasUnrelated());
      await rig.backend.remove();
      assert.ok(rig.hasUnrelated());
    },
  },
  {
    name: "nothing is left after removal",
    async run(rig) {
      open(rig, makeSession());
      await rig.backend.remove();
      assert.equal(rig.send({ from: CALLER, to: FOR_CALLER }), null);
      assert.deepEqual(await rig.restart().attach(), []);
      await rig.backend.remove();
      await rig.backend.remove();
    },
  },
];
