/* Needs the kernel module: it runs in the virtual machines of tests/vm. */
import assert from "node:assert/strict";
import { lockedTo } from "../../src/core/latch.ts";
import { flowsOf, type Session } from "../../src/core/session.ts";
import { TwoPaths } from "../../src/core/two_paths.ts";
import { KmodFastPath } from "../../src/kmod/fast_path.ts";
import { NftBackend } from "../../src/nft/backend.ts";
import { assertSameAsFake } from "./differential.ts";
import { type KernelRig, makeKernelRig } from "./nft_rig.ts";
import { open } from "./relaying.ts";
import { CALLER, FOR_CALLER, ledgerOf, makeSession, numberedSession, withPort } from "./rig.ts";
import { testContract } from "./suite.ts";

const FAST = new KmodFastPath();

/** A rig in which each flow goes to the module as soon as its port is decided. */
function makeKmodRig(isWanted = (): boolean => true): Promise<KernelRig<TwoPaths>> {
  return makeKernelRig((options) => new TwoPaths(new NftBackend(options), FAST, isWanted));
}

function decided(variant: Partial<Session> = {}): Session {
  const latches = [lockedTo(6000), lockedTo(6001), lockedTo(7000), lockedTo(7001)] as const;
  return makeSession({ latches, ...variant });
}

testContract("kmod", makeKmodRig);

Deno.test("kmod: the fake of the unit tests behaves the same through random histories", async () => {
  await using rig = await makeKmodRig();
  await assertSameAsFake(rig, 100);
});

Deno.test("kmod: the module counts what it relays, and a session's count goes on after it", async () => {
  let isWanted = true;
  await using rig = await makeKmodRig(() => isWanted);
  const session = decided();
  open(rig, session);
  for (let round = 0; round < 3; round++) {
    isWanted = round !== 1;
    rig.backend.settle([session]);
    for (let i = 0; i < 5; i++) assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    const state = FAST.state();
    assert.ok(typeof state !== "string");
    assert.equal(state.flows, isWanted ? 4 : 0);
    const [flow] = flowsOf(session);
    assert.ok(flow);
    assert.equal(rig.backend.count([flow])[0]?.packets, 5 * (round + 1));
    assert.equal(rig.backend.fastCounts([flow]).at(0)?.packets ?? 0, isWanted ? 5 : 0);
    assert.equal(rig.backend.totals().relayed.packets, 5 * (round + 1));
  }
});

Deno.test("kmod: strangers to a promoted flow are refused and named as by nftables alone", async () => {
  await using rig = await makeKmodRig();
  open(rig, decided());
  assert.equal(rig.send({ from: withPort(CALLER, 6666), to: FOR_CALLER }), null);
  const [stranger, ...more] = rig.backend.strangers();
  assert.deepEqual([stranger?.port, stranger?.packets, more.length], [6666, 1, 0]);
  const state = FAST.state();
  assert.ok(typeof state !== "string" && state.left.stranger === 1);
});

Deno.test("kmod: somebody who empties the module is noticed, and it is filled again", async () => {
  await using rig = await makeKmodRig();
  const session = decided();
  open(rig, session);
  assert.ok(rig.backend.isIntact([session]));
  FAST.clear();
  assert.equal(rig.backend.isIntact([session]), false);
  assert.equal(await rig.backend.restore(ledgerOf(session)), 4);
  assert.ok(rig.backend.isIntact([session]));
  assert.ok(rig.backend.takeUnsettled());
  assert.equal(rig.backend.settle([session]), null);
  assert.ok(rig.backend.isIntact([session]));
});

Deno.test("kmod: what the daemon believes need not be so, and every edit ends as it should", async () => {
  await using rig = await makeKmodRig(() => false);
  open(rig, decided());
  const flows = flowsOf(decided()).flatMap((flow) =>
    flow?.rewrite ? [{ key: flow.key, port: flow.latch.locked, ...flow.rewrite }] : []
  );
  const put = (isCarried: boolean) => flows.map((flow) => ({ flow, isCarried }));
  for (const isCarried of [true, true, false, false]) {
    const { refused } = FAST.edit({ remove: [], put: put(isCarried) });
    assert.deepEqual(refused, flows.map(() => null));
    assert.equal([...FAST.flows()].length, 4);
  }
  const keys = flows.map(({ key }) => key);
  const { removed } = FAST.edit({ remove: keys, put: [] });
  assert.deepEqual(
    removed.map((amount) => amount && { packets: amount.packets, bytes: amount.bytes }),
    flows.map(() => ({ packets: 0, bytes: 0 })),
  );
  assert.deepEqual(FAST.edit({ remove: keys, put: put(true) }).removed, keys.map(() => null));
  assert.deepEqual([...FAST.flows()].length, 4);
});

Deno.test("kmod: thousands of sessions go in and out again", async () => {
  await using rig = await makeKernelRig(
    (options) => new TwoPaths(new NftBackend(options), FAST, () => true),
    { maxSessions: 5000 },
  );
  const sessions = Array.from({ length: 5000 }, (_, n) => ({
    ...numberedSession(n),
    latches: decided().latches,
  }));
  rig.backend.apply(sessions.map((after) => ({ before: [], after })));
  assert.equal([...FAST.flows()].length, 20_000);
  assert.ok(rig.backend.isIntact([]));
  const next = rig.restart();
  const found = await next.attach();
  assert.equal(next.promoted, 5000);
  next.apply(found.map((session) => ({ before: [session], after: null })));
  const state = FAST.state();
  assert.ok(typeof state !== "string" && state.flows === 0);
});
