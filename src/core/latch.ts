import type { Call } from "./call.ts";
import {
  type FlowIndex,
  FLOWS,
  isHeld,
  type Latch,
  type Latches,
  type Leg,
  legOf,
  OPEN_LATCH,
  type Session,
} from "./session.ts";

/*
 * NAT shows another source port than SDP says, so a flow's port is learned from its first packet and
 * then locked: a second sender at the same address gets nothing through. Only a new S unlocks it,
 * since a phone's new port in a re-INVITE never shows in the control protocol of Kamailio 6.
 */

/** The latch once `port` has been heard and believed. */
export function lockedTo(port: number): Latch {
  return { locked: port, open: false, sendTo: port };
}

/** The latch after a repeated S: the known port stays in use until another one proves itself. */
export function reopened(latch: Latch): Latch {
  return { ...latch, open: true };
}

/** The latches of `session` after an S that describes it as `call`. */
export function latchesAfter(session: Session, call: Call): Latches {
  const next = (index: FlowIndex): Latch => {
    const leg = index < 2 ? call.a : call.b;
    return latchAfter(session.latches[index], legOf(session, index), leg);
  };
  return [next(0), next(1), next(2), next(3)];
}

function latchAfter(latch: Latch, before: Leg, after: Leg): Latch {
  const moved = before.remote.address !== after.remote.address ||
    before.local.address !== after.local.address;
  if (moved || isHeld(before)) return OPEN_LATCH;
  // A new port in SDP is where the party listens now, though packets from the old one still arrive.
  if (before.remote.port !== after.remote.port && !isHeld(after)) {
    return { locked: latch.locked, open: true, sendTo: 0 };
  }
  return reopened(latch);
}

/** The session with every latch open to another port. */
export function reopenAll(session: Session): Session {
  const [a, b, c, d] = session.latches;
  return { ...session, latches: [reopened(a), reopened(b), reopened(c), reopened(d)] };
}

/** The flows whose locked port another one may still replace. */
export function contestable(session: Session): readonly FlowIndex[] {
  return FLOWS.filter((index) => {
    const latch = session.latches[index];
    return latch.open && latch.locked !== 0;
  });
}

/** How long a locked port must be silent before another takes its place: RTP, RTCP. */
const SILENCE_MS = [100, 6000] as const;
/** A candidate not heard for so many times that long has gone. */
const FORGIVENESS = 5;

/** A port that asks to replace the locked one of a re-opened flow. */
export interface Candidate {
  readonly port: number;
  /** When it was heard last; this and the next are on the monotonic clock. */
  readonly heardMs: number;
  /** Since when the locked port has been silent. */
  readonly silentSinceMs: number;
  /** Packets that the locked port had sent by then. */
  readonly lockedPackets: number;
}

/** What is known of a flow when its candidate is judged. */
export interface FlowFacts {
  readonly index: FlowIndex;
  readonly latch: Latch;
  /** The port that SDP says, one higher for RTCP. */
  readonly signalledPort: number;
  /** Packets that the locked port has sent by now. */
  readonly lockedPackets: number;
  readonly nowMs: number;
}

/**
 * What becomes of a candidate: it takes over once the locked port has fallen silent while it speaks.
 * A port that a re-INVITE has just named need not wait, for SDP has moved away from the locked one.
 */
export function judge(candidate: Candidate, facts: FlowFacts): Candidate | "accepted" | "gone" {
  const { latch, lockedPackets, nowMs } = facts;
  if (latch.locked === 0) return "accepted";
  if (latch.sendTo === 0 && candidate.port === facts.signalledPort) return "accepted";
  const patience = SILENCE_MS[(facts.index & 1) as 0 | 1];
  if (nowMs - candidate.heardMs > patience * FORGIVENESS) return "gone";
  if (lockedPackets !== candidate.lockedPackets) {
    return { ...candidate, silentSinceMs: nowMs, lockedPackets };
  }
  // One stray packet is not a stream.
  const speaks = candidate.heardMs > candidate.silentSinceMs;
  return speaks && nowMs - candidate.silentSinceMs >= patience ? "accepted" : candidate;
}
