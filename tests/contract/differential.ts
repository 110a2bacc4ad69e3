import assert from "node:assert/strict";
import fc from "fast-check";
import { type Endpoint, formatEndpoint } from "../../src/base/ipv4.ts";
import type { Backend, Change } from "../../src/core/backend.ts";
import {
  type Flow,
  flowKeysOf,
  flowKeyText,
  flowsOf,
  identityText,
  type Session,
} from "../../src/core/session.ts";
import { FakeBackend } from "../../src/fake/backend.ts";
import { latches, PLAIN } from "../support/arbitraries.ts";
import { at, learnedBy, makeSession, type Packet, RANGES, type Rig, rtpPacket } from "./rig.ts";

/* The fake stands for the kernel in most tests, so both are held to one another. */

const REMOTES = ["10.10.1.10", "10.10.1.66", "192.0.2.20", "192.0.2.66"];
const REMOTE_PORTS = [6000, 6001, 41000];
const LOCALS = ["10.10.1.1", "192.0.2.1"];
const LOCAL_PORTS = [20000, 20001, 20002, 20003];

/** What happens to both: a batch of changes is made of what is carried by then. */
type Step =
  | { readonly kind: "apply"; readonly wishes: readonly Wish[] }
  | { readonly kind: "send"; readonly packet: Packet }
  /** A packet of one of the carried flows, from its locked port or another. */
  | { readonly kind: "hit"; readonly nth: number; readonly port: number | "locked" }
  | { readonly kind: "learn" };

/** A session to open or to update, or one to close. */
interface Wish {
  readonly session: Session;
  readonly closes: boolean;
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  closes: fc.boolean(),
  session: fc.record({
    callId: fc.constantFrom("call-1", "call-2"),
    a: legs(20000),
    b: legs(20002),
    latches: fc.tuple(latches, latches, latches, latches),
  }, PLAIN).map(makeSession),
}, PLAIN);

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: batches().map((wishes): Step => ({ kind: "apply", wishes })) },
  { weight: 2, arbitrary: packets().map((packet): Step => ({ kind: "send", packet })) },
  { weight: 6, arbitrary: hits() },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: "learn" }) },
);

/** A session's counts go on from one batch to the next, not within one. */
function batches(): fc.Arbitrary<readonly Wish[]> {
  return fc.uniqueArray(wishes, {
    minLength: 1,
    maxLength: 3,
    selector: ({ session }) => identityText(session),
  });
}

function hits(): fc.Arbitrary<Step> {
  return fc.record({
    kind: fc.constant("hit" as const),
    nth: fc.nat(7),
    port: fc.constantFrom("locked" as const, 41000, 41001),
  }, PLAIN);
}

function legs(port: number): fc.Arbitrary<Session["a"]> {
  return fc.record({
    remote: endpoints([...REMOTES, "0.0.0.0"], [...REMOTE_PORTS, 0]),
    local: endpoints(LOCALS, [port]),
  }, PLAIN);
}

function packets(): fc.Arbitrary<Packet> {
  return fc.record({
    from: endpoints(REMOTES, REMOTE_PORTS),
    to: endpoints(LOCALS, LOCAL_PORTS),
    payload: fc.constantFrom(rtpPacket(1), rtpPacket(2), Uint8Array.of(1), new Uint8Array()),
  }, PLAIN);
}

function endpoints(addresses: readonly string[], ports: readonly number[]): fc.Arbitrary<Endpoint> {
  return fc.tuple(fc.constantFrom(...addresses), fc.constantFrom(...ports))
    .map(([address, port]) => at(`${address}:${port}`));
}

/** Let random histories happen to a rig's back end and to a fake; whatever shows must be equal. */
export async function assertSameAsFake(rig: Rig, runs: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { maxLength: 25 }), async (script) => {
      await rig.backend.remove();
      const fake = new FakeBackend({ maxSessions: rig.capacity, ranges: RANGES });
      for (const backend of [rig.backend, fake]) assert.deepEqual(await backend.attach(), []);
      const carried = new Map<string, Session>();
      for (const step of script) {
        assert.deepEqual(carryOut(step, rig, carried), carryOutOnFake(step, fake, carried));
        if (step.kind === "apply") settle(step.wishes, carried);
        assert.deepEqual(stateOf(rig.backend, carried), stateOf(fake, carried));
      }
      assert.deepEqual(byId(await rig.restart().attach()), byId([...carried.values()]));
    }),
    { numRuns: runs },
  );
}

function carryOut(step: Step, rig: Rig, carried: ReadonlyMap<string, Session>): unknown {
  const packet = packetOf(step, carried);
  return packet ? rig.send(packet) : carryOutHere(step, rig.backend, carried);
}

function carryOutOnFake(
  step: Step,
  fake: FakeBackend,
  carried: ReadonlyMap<string, Session>,
): unknown {
  const packet = packetOf(step, carried);
  return packet ? fake.deliver(packet) : carryOutHere(step, fake, carried);
}

function packetOf(step: Step, carried: ReadonlyMap<string, Session>): Required<Packet> | null {
  if (step.kind === "send") return { payload: rtpPacket(), ...step.packet };
  if (step.kind !== "hit") return null;
  const flows = flowsIn(carried);
  const flow = flows[step.nth % flows.length];
  if (!flow) return null;
  const port = step.port === "locked" ? flow.latch.locked || 6000 : step.port;
  return { from: { address: flow.key.remote, port }, to: flow.key.local, payload: rtpPacket() };
}

function carryOutHere(
  step: Step,
  backend: Backend,
  carried: ReadonlyMap<string, Session>,
): unknown {
  if (step.kind === "learn") {
    return learnedBy(backend).map(({ key, port }) => `${flowKeyText(key)} ${port}`).toSorted();
  }
  if (step.kind !== "apply") return null;
  const state = new Map(carried);
  return backend.apply(step.wishes.map((wish) => changeFor(wish, state)));
}

function settle(list: readonly Wish[], carried: Map<string, Session>): void {
  for (const wish of list) changeFor(wish, carried);
}

function keyTextsOf(session: Session): readonly string[] {
  return flowKeysOf(session).map(flowKeyText);
}

/** The change that the relay would ask for: what is in the way is replaced. */
function changeFor({ session, closes }: Wish, carried: Map<string, Session>): Change {
  const known = carried.get(identityText(session));
  const keys = keyTextsOf(session);
  if (closes || new Set(keys).size < keys.length) {
    carried.delete(identityText(session));
    return { before: known ? [known] : [], after: null };
  }
  const inTheWay = [...carried.values()].filter((other) => {
    return other === known || keyTextsOf(other).some((key) => keys.includes(key));
  });
  for (const each of inTheWay) carried.delete(identityText(each));
  carried.set(identityText(session), session);
  return { before: inTheWay, after: session };
}

/** Everything that a back end tells of itself. */
function stateOf(backend: Backend, carried: ReadonlyMap<string, Session>): unknown {
  const counts = backend.count(flowsIn(carried)).map((count) =>
    count && [count.packets, count.bytes]
  );
  const strangers = backend.strangers().map(({ key, port, packets, bytes }) => {
    return `${key.remote}:${port} > ${formatEndpoint(key.local)} ${packets} ${bytes}`;
  });
  return {
    counts,
    strangers: strangers.toSorted(),
    isIntact: backend.isIntact([...carried.values()]),
  };
}

function flowsIn(carried: ReadonlyMap<string, Session>): readonly Flow[] {
  return byId([...carried.values()]).flatMap(flowsOf).filter((flow) => flow !== null);
}

function byId(sessions: readonly Session[]): readonly Session[] {
  return sessions.toSorted((one, other) => identityText(one) < identityText(other) ? -1 : 1);
}
