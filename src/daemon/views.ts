import { formatEndpoint, formatIpv4 } from "../base/ipv4.ts";
import type {
  FlowView,
  LossView,
  PartyView,
  SessionReport,
  SessionView,
  StrangerView,
  WayView,
} from "../control/admin.ts";
import type { Stranger } from "../core/backend.ts";
import { type FlowIndex, isHeld, type Leg } from "../core/session.ts";
import type { Entry } from "../core/table.ts";
import { explain } from "./explain.ts";
import { warningsOf } from "./warnings.ts";

/** The moment of looking. */
export interface Moment {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
}

/** The way of a session's media, and why it is not a faster one. */
export type SessionPath = Pick<SessionView, "path" | "pathReason">;

/** A session for people and programs. */
export function sessionView(entry: Entry, path: SessionPath, moment: Moment): SessionView {
  const { session, state } = entry;
  return {
    callId: session.callId,
    instance: session.instance,
    state,
    ...path,
    createdMs: session.createdMs,
    ageSeconds: Math.max(0, Math.round((moment.epochMs - session.createdMs) / 1000)),
    caller: partyView(entry, session.a, { rtp: 0, moment }),
    callee: partyView(entry, session.b, { rtp: 2, moment }),
  };
}

/** A session, who else spoke to its relay sockets, and what follows. */
export function sessionReport(
  view: SessionView,
  entry: Entry,
  { strangers, loss, warnings, ways }: {
    readonly strangers: readonly Stranger[];
    readonly loss: readonly LossView[];
    /** All that the daemon complains about of the machine. */
    readonly warnings: readonly string[];
    readonly ways: readonly WayView[];
  },
): SessionReport {
  const sockets = [entry.session.a.local, entry.session.b.local].flatMap((
    { address, port },
  ) => [`${address}:${port}`, `${address}:${port + 1}`]);
  const own = strangers
    .filter(({ key: { local } }) => sockets.includes(`${local.address}:${local.port}`))
    .map(strangerView);
  const findings = explain(view, {
    ...{ strangers: own, ways },
    warnings: warningsOf(entry.session, warnings),
  });
  return { session: view, strangers: own, loss, ways, findings };
}

function strangerView({ key: { remote, local }, port, packets }: Stranger): StrangerView {
  return { from: formatEndpoint({ address: remote, port }), to: formatEndpoint(local), packets };
}

function partyView(
  entry: Entry,
  leg: Leg,
  { rtp, moment }: { readonly rtp: 0 | 2; readonly moment: Moment },
): PartyView {
  return {
    signalled: formatEndpoint(leg.remote),
    onHold: isHeld(leg),
    relay: formatEndpoint(leg.local),
    rtp: flowView(entry, leg, { index: rtp, moment }),
    rtcp: flowView(entry, leg, { index: (rtp + 1) as FlowIndex, moment }),
  };
}

function flowView(
  entry: Entry,
  leg: Leg,
  { index, moment: { nowMs, epochMs } }: { readonly index: FlowIndex; readonly moment: Moment },
): FlowView {
  const { locked, open } = entry.session.latches[index];
  const { packets, bytes, heardMs, heardAfterMs } = entry.samples[index];
  const ageSeconds = heardMs === null ? null : tenths(nowMs - heardMs);
  // Of packets that came before this daemon, no more is known than when the session was opened.
  const mostMs = Math.min(nowMs - heardAfterMs, Math.max(0, epochMs - entry.session.createdMs));
  return {
    source: locked === 0 ? null : `${formatIpv4(leg.remote.address)}:${locked}`,
    latch: locked === 0 ? "open" : open ? "contested" : "locked",
    packets,
    bytes,
    ageSeconds,
    ageAtMostSeconds: ageSeconds === null ? null : Math.max(ageSeconds, tenths(mostMs)),
  };
}

function tenths(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
