import type { Endpoint } from "../base/ipv4.ts";
import type { FlowCount, GuardedRange, LearnedPort, Stranger, TooBig } from "../core/backend.ts";
import { type Flow, flowKeyText, flowsOf, identityText, type Session } from "../core/session.ts";

/** A UDP packet on its way; without a payload it carries an empty RTP packet. */
export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload?: Uint8Array;
}

/** A packet as the relay sends it on. */
export type Relayed = Required<Packet>;

/** An RTP header and nothing else. */
export const RTP_PACKET: Uint8Array = Uint8Array.of(0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7);

/** What a flow has counted, still counting. */
export type Tally = { -readonly [Field in keyof FlowCount]: FlowCount[Field] };

/** IPv4 and UDP headers, which the kernel counts too. */
export const HEADER_BYTES = 28;

interface Carried {
  /** The session that the flow belongs to. */
  readonly id: string;
  readonly flow: Flow;
  readonly tally: Tally;
}

/**
 * What a kernel holds. It outlives the back end, so that a test can put another one on it; and it
 * is open to everybody, so that a test can spoil it.
 */
export class FakeKernel {
  readonly records = new Map<string, Session>();
  /** By {@link flowKeyText}. */
  readonly flows = new Map<string, Carried>();
  readonly learned = new Map<string, LearnedPort>();
  readonly strangers = new Map<string, Stranger>();
  /** What a test says of packets that did not fit: this kernel has no links. */
  tooBig: readonly TooBig[] = [];
  readonly totals = { relayed: nothing(), held: nothing(), refused: nothing() };
  /** Whether the rules are in place: without them nothing is relayed or refused. */
  hasRules = false;
  ranges: readonly GuardedRange[] = [];

  /** Let a packet arrive; null if it is not sent on. */
  deliver({ from, to, payload = RTP_PACKET }: Packet): Relayed | null {
    const key = { remote: from.address, local: to };
    const carried = this.flows.get(flowKeyText(key));
    const bytes = HEADER_BYTES + payload.length;
    if (!this.hasRules) return null;
    if (!carried) return this.#refuse(from, to, bytes);
    const { flow: { rewrite, latch }, tally } = carried;
    const locked = rewrite !== null && latch.locked !== 0 && latch.locked === from.port;
    if (rewrite && !locked && !latch.open) return this.#refuse(from, to, bytes);
    tally.packets++;
    tally.bytes += bytes;
    if (locked) tally.lockedPackets++;
    add(rewrite ? this.totals.relayed : this.totals.held, bytes);
    if (!rewrite) return null;
    if (!locked && isRtp(payload)) this.#learn({ key, port: from.port });
    return { from: rewrite.source, to: rewrite.destination, payload };
  }

  /** Put a session in, with what its flows have counted before, by index. */
  put(session: Session, tallies: readonly (Tally | undefined)[]): void {
    this.records.set(identityText(session), session);
    flowsOf(session).forEach((flow, i) => {
      const tally = tallies[i] ?? { packets: 0, bytes: 0, lockedPackets: 0 };
      if (flow) this.flows.set(flowKeyText(flow.key), { id: identityText(session), flow, tally });
    });
  }

  /** Take a session out; the answer is what its flows have counted, by index. */
  take(session: Session): readonly (Tally | undefined)[] {
    this.records.delete(identityText(session));
    return flowsOf(session).map((flow) => {
      const carried = flow ? this.flows.get(flowKeyText(flow.key)) : undefined;
      if (carried?.id !== identityText(session)) return undefined;
      this.flows.delete(flowKeyText(carried.flow.key));
      return carried.tally;
    });
  }

  /** How many pieces of a session are missing or wrong. */
  missing(session: Session): number {
    const wrong = flowsOf(session).filter((flow) => {
      return flow && !same(this.flows.get(flowKeyText(flow.key))?.flow, flow);
    });
    return wrong.length + (same(this.records.get(identityText(session)), session) ? 0 : 1);
  }

  /** Forget everything, as when somebody deletes the table. */
  clear(): void {
    for (const part of [this.records, this.flows, this.learned, this.strangers]) part.clear();
    this.hasRules = false;
  }

  #learn(learned: LearnedPort): void {
    const text = flowKeyText(learned.key);
    if (!this.learned.has(text)) this.learned.set(text, learned);
  }

  #refuse(from: Endpoint, to: Endpoint, bytes: number): null {
    const guarded = this.ranges.some(({ address, startPort, endPort }) => {
      return address === to.address && startPort <= to.port && to.port <= endPort;
    });
    if (!guarded) return null;
    add(this.totals.refused, bytes);
    const text = `${from.address} ${from.port} ${to.address} ${to.port}`;
    const known = this.strangers.get(text) ?? { packets: 0, bytes: 0 };
    this.strangers.set(text, {
      key: { remote: from.address, local: to },
      port: from.port,
      packets: known.packets + 1,
      bytes: known.bytes + bytes,
    });
    return null;
  }
}

function nothing(): { packets: number; bytes: number } {
  return { packets: 0, bytes: 0 };
}

function add(to: { packets: number; bytes: number }, bytes: number): void {
  to.packets++;
  to.bytes += bytes;
}

/** RTP and RTCP carry version 2 in their first two bits. */
function isRtp(payload: Uint8Array): boolean {
  return ((payload[0] ?? 0) & 0xc0) === 0x80;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
