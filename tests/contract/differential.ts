import assert from "node:assert/strict";
import fc from "fast-check";
import { type Endpoint, formatEndpoint } from "../../src/base/ipv4.ts";
import type { Backend, Change } from "../../src/core/backend.ts";
import {
  type Flow,
  flowKeyText,
  flowsOf,
  keyTextsOf,
  type Session,
} from "../../src/core/session.ts";
import { FakeBackend } from "../../src/fake/backend.ts";
import { latches, PLAIN } from "../support/arbitraries.ts";
import { at, makeSession, type Packet, RANGES, type Rig, rtpPacket } from "./rig.ts";

/* The fake stands for the kernel in most tests, so both are held to one another. */

const REMOTES = ["10.10.1.10", "10.10.1.66", "192.0.2.20", "192.0.2.66"];
const REMOTE_PORTS = [6000, 6001, 41000];
const LOCALS = ["10.10.1.1", "192.0.2.1"];
const LOCAL_PORTS = [20000, 20001, 20002, 20003];

/** What happens to both: a batch of changes is made of what is carried by then. */
type Step =
  | { readonly kind: "apply"; readonly wishes: readonly Wish[] }
  | { readonly kind: "send"; readonly packet: Packet }
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
  { weight: 3, arbitrary: fc.array(wishes, { minLength: 1, maxLength: 3 }).map(asApply) },
  { weight: 6, arbitrary: packets().map((packet): Step => ({ kind: "send", packet })) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "learn" }) },
);

function asApply(list: readonly Wish[]): Step {
  return { kind: "apply", wishes: list };
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
  if (step.kind === "send") return rig.send(step.packet);
  return carryOutHere(step, rig.backend, carried);
}

function carryOutOnFake(
  step: Step,
  fake: FakeBackend,
  carried: ReadonlyMap<string, Session>,
): unknown {
  if (step.kind === "send") return fake.deliver(step.packet);
  return carryOutHere(step, fake, carried);
}

function carryOutHere(
  step: Exclude<Step, { kind: "send" }>,
  backend: Backend,
  carried: ReadonlyMap<string, Session>,
): unknown {
  if (step.kind === "learn") {
    return backend.takeLearned().map(({ key, port }) => `${flowKeyText(key)} ${port}`).toSorted();
  }
  const state = new Map(carried);
  return backend.apply(step.wishes.map((wish) => changeFor(wish, state)));
}

function settle(list: readonly Wish[], carried: Map<string, Session>): void {
  for (const wish of list) changeFor(wish, carried);
}

/** The change that the relay would ask for: what is in the way is replaced. */
function changeFor({ session, closes }: Wish, carried: Map<string, Session>): Change {
  const known = carried.get(session.id);
  const keys = keyTextsOf(session);
  if (closes || new Set(keys).size < keys.length) {
    carried.delete(session.id);
    return { before: known ? [known] : [], after: null };
  }
  const inTheWay = [...carried.values()].filter((other) => {
    return other === known || keyTextsOf(other).some((key) => keys.includes(key));
  });
  for (const { id } of inTheWay) carried.delete(id);
  carried.set(session.id, session);
  return { before: inTheWay, after: session };
}

/** Everything that a back end tells of itself. */
function stateOf(backend: Backend, carried: ReadonlyMap<string, Session>): unknown {
  const sessions = byId([...carried.values()]);
  const flows = sessions.flatMap(flowsOf).filter((flow): flow is Flow => flow !== null);
  const counts = backend.count(flows).map((count) => count && [count.packets, count.bytes]);
  const strangers = backend.strangers().map(({ key, port, packets, bytes }) => {
    return `${key.remote}:${port} > ${formatEndpoint(key.local)} ${packets} ${bytes}`;
  });
  return { counts, strangers: strangers.toSorted(), isIntact: backend.isIntact(sessions) };
}

function byId(sessions: readonly Session[]): readonly Session[] {
  return sessions.toSorted((one, other) => one.id < other.id ? -1 : 1);
}
