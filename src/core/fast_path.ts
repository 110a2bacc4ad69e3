import type { Endpoint } from "../base/ipv4.ts";
import type { Amount } from "./backend.ts";
import {
  type Flow,
  type FlowIndex,
  type FlowKey,
  flowOf,
  FLOWS,
  type Latch,
  type Session,
} from "./session.ts";

/** A flow of which everything is decided: who sends, from which port, and where to. */
export interface FastFlow {
  readonly key: FlowKey;
  /** The source port that alone is relayed. */
  readonly port: number;
  /** What packets leave with. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** A flow that is to be carried, and whether it is so already, perhaps in another form. */
export interface FastPut {
  readonly flow: FastFlow;
  readonly isCarried: boolean;
}

/** What is to happen: first the removals, then the others, in their order. */
export interface FastEdit {
  readonly remove: readonly FlowKey[];
  readonly put: readonly FastPut[];
}

/** What has become of an edit. */
export interface FastOutcome {
  /** What the removed flows had relayed; null for one that was not there. */
  readonly removed: readonly (Amount | null)[];
  /** Why a flow could not be put, null for each that was. It is not carried at all then. */
  readonly refused: readonly (string | null)[];
}

/** A fast path at one moment. Counts only grow while it is there. */
export interface FastState {
  /** How many flows it carries, and how many it has room for. */
  readonly flows: number;
  readonly room: number;
  readonly relayed: Amount;
  /** Packets that are no strangers' and were dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Packets of its flows that were left to the backend below it, by reason. */
  readonly left: Readonly<Record<string, number>>;
}

/** What a fast path knows of a flow. */
export interface FastCount extends Amount {
  /** RTP packets that the sender has sent by its sequence numbers, and those that came (RFC 3550). */
  readonly expected: number;
  readonly received: number;
}

/** What a fast path knows of flows, in the order in which they were asked for; read flow by flow, as they may be many. */
export interface FastCounts {
  /** Null for a flow that is not carried. */
  at(index: number): FastCount | null;
}

/**
 * A way of carrying decided flows that sees packets before the backend does. It may be absent, come
 * and go at any time, and lose all flows when it goes: the backend below carries everything too.
 * None of these calls throws because of that.
 */
export interface FastPath {
  readonly name: "kmod";
  /** How it is, or a sentence why it can take nothing. Cheap. */
  state(): FastState | string;
  /** Make an edit. If it is gone, nothing was removed and everything is refused. */
  edit(edit: FastEdit): FastOutcome;
  /** What flows have relayed; nothing of null. */
  count(keys: readonly (FlowKey | null)[]): FastCounts;
  /** Every flow that is carried. */
  flows(): Iterable<FastFlow>;
  /** Carry nothing any more. */
  clear(): void;
}

/** The flow as a fast path can carry it; null while it is held, or its port is open or unknown. */
export function fastFlowOf({ key, latch, rewrite }: Flow): FastFlow | null {
  if (!rewrite || !isDecided(latch)) return null;
  const { source, destination } = rewrite;
  return { key, port: latch.locked, source, destination };
}

/** By what a fast path knows the flow, if it can carry it. */
export function fastKeyOf({ key, latch, rewrite }: Flow): FlowKey | null {
  return rewrite && isDecided(latch) ? key : null;
}

function isDecided({ locked, open }: Latch): boolean {
  return locked !== 0 && !open;
}

/** The flows of a session that a fast path can carry, null for the others. */
export function fastFlowsOf(session: Session): readonly (FastFlow | null)[] {
  return FLOWS.map((index) => {
    const flow = flowOf(session, index);
    return flow && fastFlowOf(flow);
  });
}

/** Which flows a set of {@link FlowIndex} bits names. */
export function hasFlow(bits: number, index: FlowIndex): boolean {
  return (bits >> index & 1) === 1;
}

/** Whether two flows are known by the same packets. */
export function isSameKey(one: FlowKey, other: FlowKey): boolean {
  return one.remote === other.remote && isSameEndpoint(one.local, other.local);
}

/** Whether two flows are one and the same. */
export function isSameFastFlow(one: FastFlow, other: FastFlow): boolean {
  return isSameKey(one.key, other.key) && one.port === other.port &&
    isSameEndpoint(one.source, other.source) && isSameEndpoint(one.destination, other.destination);
}

function isSameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.address === other.address && one.port === other.port;
}
