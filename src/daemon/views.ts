import { formatEndpoint, formatIpv4 } from "../base/ipv4.ts";
import type {
  FlowView,
  LossView,
  PartyView,
  SessionReport,
  SessionView,
  StrangerView,
} from "../control/admin.ts";
import type { Stranger } from "../core/backend.ts";
import { type FlowIndex, isHeld, type Leg } from "../core/session.ts";
import type { Entry } from "../core/table.ts";
import { explain } from "./explain.ts";

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
    caller: partyView(entry, session.a, { rtp: 0, nowMs: moment.nowMs }),
    callee: partyView(entry, session.b, { rtp: 2, nowMs: moment.nowMs }),
  };
}

/** A session, who else spoke to its relay sockets, and what follows. */
export function sessionReport(
  view: SessionView,
  entry: Entry,
  { strangers, loss }: {
    readonly strangers: readonly Stranger[];
    readonly loss: readonly LossView[];
  },
): SessionReport {
  const sockets = [entry.session.a.local, entry.session.b.local].flatMap((
    { address, port },
  ) => [`${address}:${port}`, `${address}:${port + 1}`]);
  const own = strangers
    .filter(({ key: { local } }) => sockets.includes(`${local.address}:${local.port}`))
    .map(strangerView);
  return { session: view, strangers: own, loss, findings: explain(view, own) };
}

function strangerView({ key: { remote, local }, port, packets }: Stranger): StrangerView {
  return { from: formatEndpoint({ address: remote, port }), to: formatEndpoint(local), packets };
}

function partyView(
  entry: Entry,
  leg: Leg,
  { rtp, nowMs }: { readonly rtp: 0 | 2; readonly nowMs: number },
): PartyView {
  return {
    signalled: formatEndpoint(leg.remote),
    onHold: isHeld(leg),
    relay: formatEndpoint(leg.local),
    rtp: flowView(entry, leg, { index: rtp, nowMs }),
    rtcp: flowView(entry, leg, { index: (rtp + 1) as FlowIndex, nowMs }),
  };
}

function flowView(
  entry: Entry,
  leg: Leg,
  { index, nowMs }: { readonly index: FlowIndex; readonly nowMs: number },
): FlowView {
  const { locked, open } = entry.session.latches[index];
  const { packets, bytes, heardMs } = entry.samples[index];
  return {
    source: locked === 0 ? null : `${formatIpv4(leg.remote.address)}:${locked}`,
    latch: locked === 0 ? "open" : open ? "contested" : "locked",
    packets,
    bytes,
    ageSeconds: heardMs === null ? null : Math.round((nowMs - heardMs) / 100) / 10,
  };
}
