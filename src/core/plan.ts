import type { Clock } from "../base/clock.ts";
import { detached } from "../base/latin1.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Backend, Change } from "./backend.ts";
import {
  type Admission,
  admitCall,
  type Call,
  type CallFields,
  parsePort,
  type Refusal,
} from "./call.ts";
import { countFlows } from "./counting.ts";
import { latchesAfter, reopenAll } from "./latch.ts";
import { isLive, type Limits, takeCounts } from "./liveness.ts";
import { flowKeysOf, flowKeyText, identityText, OPEN_LATCHES, type Session } from "./session.ts";
import type { Entry, SessionTable } from "./table.ts";

/** What Kamailio asks of a call: relay it (S), or stop (D). */
export interface Command {
  readonly kind: "open" | "close";
  /** The media instance whose socket the command came to. */
  readonly instance: string;
  readonly fields: CallFields;
}

/** What planning looks at; it changes none of it. */
export interface PlanningParts {
  readonly table: SessionTable;
  readonly backend: Backend;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly maxSessions: number;
  /** The admission rules of an instance; undefined for an unknown one. */
  readonly admission: (instance: string) => Admission | undefined;
}

/** A command thought through: what the data path has to confirm, and whom it concerns. */
export type Plan =
  | {
    readonly kind: "open";
    readonly change: Change;
    readonly session: Session;
    readonly known: Entry | undefined;
    readonly rivals: readonly Entry[];
  }
  | { readonly kind: "close"; readonly change: Change; readonly entry: Entry }
  | { readonly kind: "refuse"; readonly refusal: Refusal }
  | { readonly kind: "nothing" };

/** Think a command through. */
export function planCommand(command: Command, parts: PlanningParts): Plan {
  return command.kind === "open" ? planOpen(command, parts) : planClose(command, parts);
}

/** Every identity and flow key that a change depends on. */
export function namesIn({ before, after }: Change): readonly string[] {
  const names: string[] = [];
  for (const session of before) pushNames(session, names);
  if (after) pushNames(after, names);
  return names;
}

function pushNames(session: Session, names: string[]): void {
  names.push(identityText(session), ...flowKeysOf(session).map(flowKeyText));
}

/**
 * Only the very session goes: same Call-ID, same relay ports. A D with empty ports is sent for a
 * call that was never answered, hence never opened.
 */
function planClose(command: Command, parts: PlanningParts): Plan {
  const entry = namedBy(command, parts);
  if (!entry) return { kind: "nothing" };
  return { kind: "close", entry, change: { before: [entry.session], after: null } };
}

/** The session that a command names, by its Call-ID and relay ports. */
function namedBy({ instance, fields }: Command, { table }: PlanningParts): Entry | undefined {
  const aPort = parsePort(fields.snatPort);
  const bPort = parsePort(fields.dstPort);
  if (aPort === null || bPort === null) return undefined;
  return table.get({ instance, callId: fields.callId, aPort, bPort });
}

function planOpen(command: Command, parts: PlanningParts): Plan {
  const known = namedBy(command, parts);
  const call = admit(command, parts, known?.session);
  if (!call.ok) return { kind: "refuse", refusal: call.error };
  const session = known
    ? sessionAfter(known.session, call.value)
    : newSession(call.value, command.instance, parts.clock.epoch());
  const rivals = findRivals(session, known, parts);
  if (!rivals.ok) return { kind: "refuse", refusal: rivals.error };
  if (!known && parts.table.size - rivals.value.length >= parts.maxSessions) {
    const message = `${parts.table.size} sessions are open, [kernel] max_sessions`;
    return { kind: "refuse", refusal: { reason: "full", message } };
  }
  const before = [...rivals.value, ...known ? [known] : []].map((entry) => entry.session);
  const change = { before, after: session };
  return { kind: "open", change, session, known, rivals: rivals.value };
}

function admit(
  { instance, fields }: Command,
  parts: PlanningParts,
  known: Session | undefined,
): Result<Call, Refusal> {
  const admission = parts.admission(instance);
  return admission
    ? admitCall(fields, admission, known)
    : err({ reason: "malformed", message: `no instance "${instance}"` });
}

function newSession({ callId, a, b }: Call, instance: string, createdMs: number): Session {
  return { instance, callId: detached(callId), createdMs, a, b, latches: OPEN_LATCHES };
}

function sessionAfter(session: Session, call: Call): Session {
  // A re-INVITE from the callee names the caller as both parties and hides the callee's new port.
  const { a, b } = call;
  const calleeReinvite = a.remote.address === b.remote.address && a.remote.port === b.remote.port;
  if (calleeReinvite) return reopenAll(session);
  return { ...session, a, b, latches: latchesAfter(session, call) };
}

/** The silent sessions in the way of `session`, which it replaces, or why it cannot be carried. */
function findRivals(
  session: Session,
  known: Entry | undefined,
  parts: PlanningParts,
): Result<readonly Entry[], Refusal> {
  const keys = flowKeysOf(session);
  if (new Set(keys.map(flowKeyText)).size < keys.length) {
    const message = "both legs have the same relay socket and remote address";
    return err({ reason: "same-legs", message });
  }
  const rivals = new Set<Entry>();
  for (const key of keys) {
    const owner = parts.table.owner(key);
    if (owner && owner !== known) rivals.add(owner);
  }
  for (const rival of rivals) {
    if (hasMediaNow(rival, parts)) {
      const message = `relay ports and remote address are in use by call "${rival.session.callId}"`;
      return err({ reason: "collision", message });
    }
  }
  return ok([...rivals]);
}

/** Whether media moved within the last seconds. The counts are read for it. */
function hasMediaNow(entry: Entry, { backend, limits, clock }: PlanningParts): boolean {
  takeCounts(entry, countFlows(entry.session, backend), clock.now());
  return isLive(entry, limits, clock.now());
}
