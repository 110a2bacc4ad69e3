import type { Endpoint, Ipv4 } from "../base/ipv4.ts";

/**
 * A session is the media of one call: two parties, A (caller) and B (callee), that each talk to a
 * relay socket of their own.
 *
 *     A  a.remote <-> a.local  [relay]  b.local <-> b.remote  B
 *
 * In the control protocol A is `src` and its relay socket `snat`; B is `dnat` and its relay socket
 * `dst`. RTCP runs on port + 1 of all four endpoints.
 */
export interface Session {
  /** The media instance whose control socket opened the session. */
  readonly instance: string;
  readonly callId: string;
  /** When the session was first opened, in milliseconds since 1970. */
  readonly createdMs: number;
  readonly a: Leg;
  readonly b: Leg;
  /** Four flows in the order of {@link FLOW_NAMES}. */
  readonly latches: Latches;
}

/** One party's side of a session. */
export interface Leg {
  /** Where SDP says the party is. Address 0 or port 0 puts the leg on hold: it is sent nothing. */
  readonly remote: Endpoint;
  /** The relay socket that the party sends to and hears from. */
  readonly local: Endpoint;
}

/** What is known of one flow's source, the remote port being the part that NAT changes. */
export interface Latch {
  /** The source port that alone is relayed; 0 while none has been heard. */
  readonly locked: number;
  /** Whether another source port of the signalled address may still take over. */
  readonly open: boolean;
  /** The port that the opposite flow is sent to; 0 for the signalled one. */
  readonly sendTo: number;
}

/** One {@link Latch} for each flow of a session. */
export type Latches = readonly [Latch, Latch, Latch, Latch];

/** A latch that takes the first port it hears. */
export const OPEN_LATCH: Latch = { locked: 0, open: true, sendTo: 0 };

/** The latches of a session that nothing has been heard of. */
export const OPEN_LATCHES: Latches = [OPEN_LATCH, OPEN_LATCH, OPEN_LATCH, OPEN_LATCH];

/** The flows of a session by index: packets *from* A and *from* B. */
export const FLOW_NAMES = ["a.rtp", "a.rtcp", "b.rtp", "b.rtcp"] as const;

/** Index of a flow; `index ^ 2` is the flow of the same kind in the other direction. */
export type FlowIndex = 0 | 1 | 2 | 3;

/** Every flow index, for loops. */
export const FLOWS: readonly FlowIndex[] = [0, 1, 2, 3];

/** What an arriving packet shows of its flow, whatever port its sender uses. */
export interface FlowKey {
  readonly remote: Ipv4;
  readonly local: Endpoint;
}

/** One direction of a session's RTP or RTCP, as a data path carries it. */
export interface Flow {
  readonly key: FlowKey;
  readonly latch: Latch;
  /** The addresses to send with; null swallows the packets, since the other party is on hold. */
  readonly rewrite: { readonly source: Endpoint; readonly destination: Endpoint } | null;
}

/**
 * What makes a session the same one in all its forms. Call-ID alone does not do: one Call-ID may own
 * several dialogs. The addresses do not belong in it: a re-INVITE from the callee shows another
 * `snat_ip`.
 */
export interface Identity {
  readonly instance: string;
  readonly callId: string;
  /** The relay ports of A and of B. */
  readonly aPort: number;
  readonly bPort: number;
}

/** The identity of a session. */
export function identityOf({ instance, callId, a, b }: Session): Identity {
  return { instance, callId, aPort: a.local.port, bPort: b.local.port };
}

/** Whether a session is one of this identity. */
export function hasIdentity(session: Session, identity: Identity): boolean {
  return session.a.local.port === identity.aPort && session.b.local.port === identity.bPort &&
    session.callId === identity.callId && session.instance === identity.instance;
}

/** Text that is equal for two forms of the same session. */
export function identityText(session: Session): string {
  const { instance, callId, aPort, bPort } = identityOf(session);
  return `${instance} ${bPort} ${aPort} ${callId}`;
}

/** Text that is equal for equal keys. */
export function flowKeyText(key: FlowKey): string {
  return `${key.remote} ${key.local.address} ${key.local.port}`;
}

/** The keys of a session's flows; none for a sender without an address. */
export function flowKeysOf({ a, b }: Session): readonly FlowKey[] {
  return [...keysOfLeg(a), ...keysOfLeg(b)];
}

function keysOfLeg({ remote: { address: remote }, local }: Leg): readonly FlowKey[] {
  if (remote === 0) return [];
  const { address, port } = local;
  return [{ remote, local }, { remote, local: { address, port: port + 1 } }];
}

/** The leg that a flow's packets come from. */
export function legOf(session: Session, index: FlowIndex): Leg {
  return index < 2 ? session.a : session.b;
}

/** Whether a leg is to be sent nothing. */
export function isHeld(leg: Leg): boolean {
  return leg.remote.address === 0 || leg.remote.port === 0;
}

/** The flow at `index`, or null when its sender has no address yet. */
export function flowOf(session: Session, index: FlowIndex): Flow | null {
  const from = legOf(session, index);
  if (from.remote.address === 0) return null;
  const to = legOf(session, (index ^ 2) as FlowIndex);
  const rtcp = index & 1;
  return {
    key: {
      remote: from.remote.address,
      local: { address: from.local.address, port: from.local.port + rtcp },
    },
    latch: session.latches[index],
    rewrite: isHeld(to) ? null : {
      source: { address: to.local.address, port: to.local.port + rtcp },
      destination: {
        address: to.remote.address,
        port: session.latches[(index ^ 2) as FlowIndex].sendTo || to.remote.port + rtcp,
      },
    },
  };
}

/** Which of a session's flows has a key. */
export function flowIndexOf({ a, b }: Session, key: FlowKey): FlowIndex | null {
  const ofA = rtcpOffset(a, key);
  if (ofA !== null) return ofA;
  const ofB = rtcpOffset(b, key);
  return ofB === null ? null : ofB === 0 ? 2 : 3;
}

/** 0 if a key is that of a leg's RTP, 1 for its RTCP, null for neither. */
function rtcpOffset({ remote, local }: Leg, key: FlowKey): 0 | 1 | null {
  if (remote.address !== key.remote || local.address !== key.local.address) return null;
  const offset = key.local.port - local.port;
  return offset === 0 || offset === 1 ? offset : null;
}

/** All flows of a session, null where a sender has no address yet. */
export function flowsOf(session: Session): readonly (Flow | null)[] {
  return FLOWS.map((index) => flowOf(session, index));
}

/** Whether a source port was learned, which takes a packet. */
export function hasLearned({ latches }: Session): boolean {
  return latches.some(({ locked }) => locked !== 0);
}

/** The session with one latch replaced. */
export function withLatch(session: Session, index: FlowIndex, latch: Latch): Session {
  const latches: [Latch, Latch, Latch, Latch] = [...session.latches];
  latches[index] = latch;
  return { ...session, latches };
}
