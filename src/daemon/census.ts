import type { InstanceConfig } from "../config/config.ts";
import { heardParties } from "../core/heard.ts";
import { isHeld, type Session } from "../core/session.ts";
import type { Entry, SessionState } from "../core/table.ts";
import type { PathName } from "../core/two_paths.ts";

/** By then both parties have had time to say something. */
const ONE_WAY_AFTER_MS = 30_000;
const PORTS = 65536;
/** Sessions looked at before Kamailio gets its turn: a few milliseconds' work. */
const AT_ONCE = 5000;

/** Sessions by state. */
export type StateCounts = Record<SessionState, number>;

/** The ports of an instance's range, RTP and RTCP ones. */
export interface InstancePorts {
  readonly instance: string;
  /** Of sessions that are not stale; a port is in use on all addresses at once. */
  readonly inUse: number;
  readonly free: number;
}

/** What a look at all sessions shows. */
export interface Census {
  readonly states: Readonly<Record<PathName, Readonly<StateCounts>>>;
  /** See {@link isOneWay}. */
  readonly oneWay: number;
  readonly ports: readonly InstancePorts[];
}

/** How many sessions are in which state. */
export function countStates(entries: Iterable<Entry>): Readonly<StateCounts> {
  const states = noStates();
  for (const { state } of entries) states[state]++;
  return states;
}

/** Look at all sessions, while others may come and go. `nowMs` is on the monotonic clock. */
export async function takeCensus(
  entries: Iterable<Entry>,
  { instances, nowMs, pathOf }: {
    readonly instances: readonly InstanceConfig[];
    readonly nowMs: number;
    readonly pathOf: (entry: Entry) => PathName;
  },
): Promise<Census> {
  const states = { nft: noStates(), kmod: noStates() };
  const used = new Map(instances.map(({ name }) => [name, new Uint8Array(PORTS)]));
  let oneWay = 0;
  let looked = 0;
  for (const entry of entries) {
    states[pathOf(entry)][entry.state]++;
    if (isOneWay(entry, nowMs)) oneWay++;
    if (entry.state !== "stale") markPorts(used, entry.session);
    if (++looked % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return { states, oneWay, ports: instances.map((each) => countPorts(each, used)) };
}

/**
 * Whether a session seems to be one-way: since its last S, some time ago, RTP of one party only was
 * heard, and nobody is on hold.
 */
export function isOneWay({ session, reopenedMs }: Entry, nowMs: number): boolean {
  if (nowMs - reopenedMs < ONE_WAY_AFTER_MS) return false;
  const heard = heardParties(session);
  if (heard === "both" || heard === "nobody") return false;
  return !isHeld(session.a) && !isHeld(session.b);
}

function noStates(): StateCounts {
  return { unheard: 0, active: 0, stale: 0 };
}

function markPorts(
  used: ReadonlyMap<string, Uint8Array>,
  { instance, a: { local: { port: one } }, b: { local: { port: other } } }: Session,
): void {
  const ports = used.get(instance);
  if (!ports) return;
  ports[one] =
    ports[one + 1] =
    ports[other] =
    ports[other + 1] =
      1;
}

function countPorts(
  { name, startPort, endPort }: InstanceConfig,
  used: ReadonlyMap<string, Uint8Array>,
): InstancePorts {
  const range = (used.get(name) ?? new Uint8Array(PORTS)).subarray(startPort, endPort + 1);
  let inUse = 0;
  for (const isUsed of range) inUse += isUsed;
  return { instance: name, inUse, free: range.length - inUse };
}
