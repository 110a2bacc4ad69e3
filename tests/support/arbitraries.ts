import fc from "fast-check";
import type { Endpoint } from "../../src/base/ipv4.ts";
import { type Latch, OPEN_LATCH, type Session } from "../../src/core/session.ts";
import { makeSession } from "../contract/rig.ts";

/** Addresses and ports of which few are used, so that sessions get in one another's way. */
const fewAddresses = fc.constantFrom(0, 0x0a0a010a, 0x0a0a010b, 0xc0000214, 0xffffffff);
const fewPorts = fc.constantFrom(0, 1, 6000, 6001, 65534);
const localPorts = fc.constantFrom(1024, 20000, 20002, 20004, 65534);

function endpoints(
  addresses: fc.Arbitrary<number>,
  ports: fc.Arbitrary<number>,
): fc.Arbitrary<Endpoint> {
  return fc.record({ address: addresses, port: ports }, PLAIN);
}

/** Objects like those of the program, which strict comparison minds. */
export const PLAIN = { noNullPrototype: true } as const;

/** Every form that a latch takes. */
export const latches: fc.Arbitrary<Latch> = fc.oneof(
  fc.constant(OPEN_LATCH),
  fc.integer({ min: 1, max: 65535 }).chain((port) =>
    fc.constantFrom(
      { locked: port, open: false, sendTo: port },
      { locked: port, open: true, sendTo: port },
      { locked: port, open: true, sendTo: 0 },
    )
  ),
);

/** A Call-ID as it comes from the network: one character a byte, no space. */
export function callIds(maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 1, maxLength })
    .map((bytes) => String.fromCharCode(...bytes).replaceAll(" ", "_"));
}

/** Sessions of all forms. */
export function sessions(callId: fc.Arbitrary<string> = callIds(40)): fc.Arbitrary<Session> {
  const leg = fc.record({
    remote: endpoints(fewAddresses, fewPorts),
    local: endpoints(fc.constantFrom(0x0a0a0101, 0xc0000201), localPorts),
  }, PLAIN);
  return fc.record({
    instance: fc.constantFrom("default", "second-instance"),
    callId,
    createdMs: fc.integer({ min: 0, max: 9_999_999_999_999 }),
    a: leg,
    b: leg,
    latches: fc.tuple(latches, latches, latches, latches),
  }).map(makeSession).filter(hasDistinctFlows);
}

/** Later forms of a session: the same relay sockets and Call-ID, other remote sides and latches. */
export function laterForms(session: Session): fc.Arbitrary<Session> {
  return fc.record({
    a: endpoints(fewAddresses, fewPorts),
    b: endpoints(fewAddresses, fewPorts),
    latches: fc.tuple(latches, latches, latches, latches),
  }).map(({ a, b, latches }) => ({
    ...session,
    a: { ...session.a, remote: a },
    b: { ...session.b, remote: b },
    latches,
  })).filter(hasDistinctFlows);
}

/** The relay refuses a call both legs of which have the same key. */
function hasDistinctFlows({ a, b }: Session): boolean {
  const near = Math.abs(a.local.port - b.local.port) <= 1;
  return !(near && a.local.address === b.local.address && a.remote.address === b.remote.address);
}
