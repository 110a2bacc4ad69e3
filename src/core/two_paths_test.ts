import assert from "node:assert/strict";
import { FakeBackend } from "../fake/backend.ts";
import { ABSENT, FakeFastPath, FULL } from "../fake/fast_path.ts";
import { parseIpv4 } from "../base/ipv4.ts";
import { lockedTo, reopened } from "./latch.ts";
import { flowKeyText, flowsOf, type Session, withLatch } from "./session.ts";
import { TwoPaths } from "./two_paths.ts";

function address(text: string): number {
  const parsed = parseIpv4(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

const CALLER = { address: address("10.10.1.10"), port: 6000 };
const RELAY_A = { address: address("10.10.1.1"), port: 20002 };
const RELAY_B = { address: address("192.0.2.1"), port: 20000 };
const CALLEE = { address: address("192.0.2.20"), port: 7000 };

function decided(callId = "call"): Session {
  return {
    instance: "default",
    callId,
    createdMs: 0,
    a: { remote: CALLER, local: RELAY_A },
    b: { remote: CALLEE, local: RELAY_B },
    latches: [lockedTo(6000), lockedTo(6001), lockedTo(7000), lockedTo(7001)],
  };
}

interface World {
  readonly paths: TwoPaths;
  readonly base: FakeBackend;
  readonly fast: FakeFastPath;
  wanted: boolean;
  /** A packet of the caller: which path takes it? */
  send(): "kmod" | "nft" | "nobody";
}

function makeWorld(): World {
  const base = new FakeBackend({ maxSessions: 100, ranges: [] });
  const fast = new FakeFastPath();
  const paths = new TwoPaths(base, fast, () => world.wanted);
  const packet = { from: CALLER, to: RELAY_A };
  const world: World = {
    paths,
    base,
    fast,
    wanted: true,
    send: () => fast.module.deliver(packet) ? "kmod" : base.deliver(packet) ? "nft" : "nobody",
  };
  base.kernel.hasRules = true;
  return world;
}

function open(world: World, session: Session): void {
  assert.deepEqual(world.paths.apply([{ before: [], after: session }]), [null]);
}

function packetsOf({ paths }: World, session: Session): number {
  const flow = flowsOf(session)[0];
  return (flow && paths.count([flow])[0]?.packets) ?? NaN;
}

Deno.test("TwoPaths promotes what is wanted, and both ways keep the counts", () => {
  const world = makeWorld();
  const session = decided();
  world.wanted = false;
  open(world, session);
  assert.equal(world.send(), "nft");
  for (const wanted of [true, false, true, false]) {
    world.wanted = wanted;
    assert.equal(world.paths.settle([session]), null);
    assert.equal(world.paths.settle([session]), null);
    assert.equal(world.send(), wanted ? "kmod" : "nft");
    assert.equal(world.paths.pathOf(session), wanted ? "kmod" : "nft");
  }
  assert.equal(packetsOf(world, session), 5);
  assert.equal(world.paths.totals().relayed.packets, 5);
});

Deno.test("TwoPaths leaves a flow to the backend while its port is open", () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  assert.equal(world.send(), "kmod");
  const contested = withLatch(session, 0, reopened(lockedTo(6000)));
  world.paths.apply([{ before: [session], after: contested }]);
  assert.equal(world.send(), "nft");
  assert.deepEqual(world.paths.fastFlowsOf(contested), [false, true, true, true]);
  world.paths.apply([{ before: [contested], after: session }]);
  assert.equal(world.send(), "kmod");
  assert.equal(packetsOf(world, session), 3);
});

Deno.test("TwoPaths takes a session that ends out of both paths", () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  world.paths.apply([{ before: [session], after: null }]);
  assert.equal(world.send(), "nobody");
  assert.equal(world.fast.module.flows.size, 0);
  assert.equal(world.paths.promoted, 0);
});

Deno.test("TwoPaths changes nothing on the fast path when the backend refuses a change", () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  world.base.failures.push({ kind: "broken", message: "no" });
  const moved = withLatch(session, 0, lockedTo(6100));
  world.paths.apply([{ before: [session], after: moved }]);
  assert.equal(world.fast.module.flows.get(flowKeyOfCaller(session))?.flow.port, 6000);
  assert.equal(world.paths.pathOf(session), "kmod");
});

Deno.test("TwoPaths goes on without a fast path that goes, and settles again when it comes", () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  assert.equal(world.paths.isIntact([session]), true);
  world.paths.takeUnsettled();
  world.send();
  assert.equal(world.paths.totals().relayed.packets, 1);
  world.fast.module.reload(false);
  assert.equal(world.send(), "nft");
  assert.equal(world.paths.isIntact([session]), true);
  assert.equal(world.paths.pathOf(session), "nft");
  assert.equal(world.paths.takeUnsettled(), false);
  assert.equal(world.paths.settle([session]), ABSENT);
  world.fast.module.reload(true);
  assert.equal(world.paths.isIntact([session]), true);
  assert.equal(world.paths.takeUnsettled(), true);
  assert.equal(world.paths.settle([session]), null);
  assert.equal(world.send(), "kmod");
  assert.equal(world.paths.totals().relayed.packets, 3);
});

Deno.test("TwoPaths sees that a fast path was emptied, and settles again", async () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  assert.equal(world.paths.isIntact([session]), true);
  world.paths.takeUnsettled();
  world.fast.module.flows.clear();
  assert.equal(world.paths.isIntact([session]), false);
  assert.equal(await world.paths.restore(ledgerOf(session)), 4);
  assert.equal(world.paths.isIntact([session]), true);
  assert.equal(world.paths.takeUnsettled(), true);
  world.paths.settle([session]);
  assert.equal(world.send(), "kmod");
});

Deno.test("TwoPaths leaves to the backend what the fast path has no room for", () => {
  const world = makeWorld();
  const session = decided();
  world.fast.module.room = 3;
  world.wanted = false;
  open(world, session);
  world.wanted = true;
  assert.equal(world.paths.settle([session]), FULL);
  assert.deepEqual(world.paths.fastFlowsOf(session), [true, true, true, false]);
  assert.equal(world.paths.isIntact([session]), true);
});

Deno.test("TwoPaths takes over what is there when it starts, and takes out what nobody has", async () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  const stray = { address: RELAY_A.address, port: 29000 };
  const flow = { key: { remote: 1, local: stray }, port: 1, source: stray, destination: stray };
  world.fast.edit({ remove: [], put: [{ flow, isCarried: false }] });
  const next = new TwoPaths(world.base, new FakeFastPath(world.fast.module), () => true);
  const [found = session] = await next.attach();
  assert.equal(next.pathOf(found), "kmod");
  assert.equal(world.fast.module.flows.size, 4);
  assert.equal(next.isIntact([found]), true);
  next.apply([{ before: [found], after: null }]);
  assert.equal(world.send(), "nobody");
});

Deno.test("TwoPaths puts a fast path right that has thrown", async () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  const { edit } = world.fast;
  world.fast.edit = () => {
    throw new Error("no");
  };
  assert.deepEqual(world.paths.apply([{ before: [session], after: null }]), [null]);
  world.fast.edit = edit;
  assert.equal(world.paths.isIntact([]), false);
  await world.paths.restore(ledgerOf());
  assert.equal(world.fast.module.flows.size, 0);
  assert.equal(world.paths.isIntact([]), true);
});

function flowKeyOfCaller(session: Session): string {
  const flow = flowsOf(session)[0];
  return flow ? flowKeyText(flow.key) : "";
}

function ledgerOf(...sessions: readonly Session[]) {
  return {
    sessions: () => sessions,
    owner: () => sessions[0],
    get: (wanted: Session) => sessions.find(({ callId }) => callId === wanted.callId),
    isClosed: () => false,
  };
}

Deno.test("TwoPaths does what a batch says in its order, also to one flow", () => {
  const first = decided();
  const moved = withLatch(first, 0, lockedTo(6100));
  const rival = decided("rival");
  const world = makeWorld();
  const isApplied = (changes: Parameters<TwoPaths["apply"]>[0]): void => {
    assert.ok(world.paths.apply(changes).every((error) => error === null));
    assert.ok(world.paths.isIntact([]));
  };
  isApplied([{ before: [], after: first }, { before: [first], after: null }]);
  assert.equal(world.fast.module.flows.size, 0);
  isApplied([
    { before: [], after: first },
    { before: [first], after: moved },
    { before: [moved], after: null },
    { before: [], after: rival },
  ]);
  assert.equal(world.fast.module.flows.size, 4);
  isApplied([{ before: [rival], after: first }, { before: [first], after: null }]);
  assert.equal(world.fast.module.flows.size, 0);
  open(world, first);
  isApplied([{ before: [first], after: moved }, { before: [moved], after: null }]);
  assert.equal(world.fast.module.flows.size, 0);
  open(world, first);
  const contested = withLatch(moved, 0, reopened(lockedTo(6100)));
  world.send();
  isApplied([{ before: [first], after: moved }, { before: [moved], after: contested }]);
  assert.deepEqual(world.paths.fastFlowsOf(contested), [false, true, true, true]);
  assert.equal(packetsOf(world, contested), 1);
});

Deno.test("TwoPaths takes over its calls though the fast path cannot tell what it carries", async () => {
  const world = makeWorld();
  const session = decided();
  open(world, session);
  const fast = new FakeFastPath(world.fast.module);
  const { flows } = fast;
  fast.flows = () => {
    throw new Error("no");
  };
  const next = new TwoPaths(world.base, fast, () => true);
  assert.deepEqual(await next.attach(), [session]);
  assert.equal(next.isIntact([session]), false);
  fast.flows = flows;
  await next.restore(ledgerOf(session));
  assert.equal(next.isIntact([session]), true);
  assert.equal(next.pathOf(session), "kmod");
});

Deno.test("TwoPaths leaves counts to what a session becomes in the end of a batch", () => {
  const world = makeWorld();
  const first = decided();
  const at = (text: string): Session => ({
    ...first,
    a: { ...first.a, remote: { address: address(text), port: 6000 } },
  });
  const [second, third] = [at("10.10.1.11"), at("10.10.1.12")];
  open(world, first);
  world.send();
  world.paths.apply([{ before: [first], after: second }, { before: [second], after: third }]);
  assert.equal(packetsOf(world, third), 1);
});

Deno.test("TwoPaths leaves no count of a session to another one that a batch puts in its place", () => {
  const world = makeWorld();
  const first = decided("first");
  open(world, first);
  world.send();
  const elsewhere = { remote: { ...CALLER, address: address("10.10.1.11") }, local: RELAY_A };
  const changed = { ...first, a: elsewhere };
  const second = { ...decided("second"), a: elsewhere };
  world.paths.apply([
    { before: [first], after: changed },
    { before: [changed], after: second },
  ]);
  assert.equal(packetsOf(world, second), 0);
});
