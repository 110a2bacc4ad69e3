import type { InstanceConfig } from "../config/config.ts";
import { type HeardParties, heardParties } from "../core/heard.ts";
import { PORT_STEP } from "../core/ports.ts";
import { isHeld, type Session } from "../core/session.ts";
import { type Entry, isUnread, type SessionState } from "../core/table.ts";
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
  /** Sessions that are not stale, and how many the range holds at four ports each. */
  readonly calls: number;
  readonly room: number;
}

/** Calls of which one party alone is heard, see {@link isOneWay}. */
export interface OneWayCounts {
  /** RTP of the caller only, of the callee only. */
  readonly caller: number;
  readonly callee: number;
  /** Of so many calls: those that could be told by now, as they are neither on hold nor unheard. */
  readonly of: number;
}

/** What a look at all sessions shows. */
export interface Census {
  readonly states: Readonly<Record<PathName, Readonly<StateCounts>>>;
  /** Those of the unheard that have not been looked at since the start. */
  readonly unread: number;
  readonly oneWay: OneWayCounts;
  readonly ports: readonly InstancePorts[];
}

/** Sessions by state, whatever their path. */
export function allStates({ states: { nft, kmod } }: Census): Readonly<StateCounts> {
  return {
    unheard: nft.unheard + kmod.unheard,
    active: nft.active + kmod.active,
    stale: nft.stale + kmod.stale,
  };
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
  const use = new Map(instances.map(({ name }) => [name, noUse()]));
  const heard = { both: 0, caller: 0, callee: 0, nobody: 0 };
  let unread = 0;
  let looked = 0;
  for (const entry of entries) {
    states[pathOf(entry)][entry.state]++;
    if (isUnread(entry)) unread++;
    if (isSettled(entry, nowMs)) heard[heardParties(entry.session)]++;
    if (entry.state !== "stale") note(use.get(entry.session.instance), entry.session);
    if (++looked % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return {
    states,
    unread,
    oneWay: oneWayOf(heard),
    ports: instances.map((each) => countPorts(each, use.get(each.name) ?? noUse())),
  };
}

/**
 * Whether a session seems to be one-way: since its last S, some time ago, RTP of one party only was
 * heard, and nobody is on hold.
 */
export function isOneWay(entry: Entry, nowMs: number): boolean {
  const heard = heardParties(entry.session);
  return heard !== "both" && heard !== "nobody" && isSettled(entry, nowMs);
}

/** Whether both parties should have been heard by now. */
function isSettled({ session, reopenedMs }: Entry, nowMs: number): boolean {
  return nowMs - reopenedMs >= ONE_WAY_AFTER_MS && !isHeld(session.a) && !isHeld(session.b);
}

function oneWayOf({ both, caller, callee }: Readonly<Record<HeardParties, number>>): OneWayCounts {
  return { caller, callee, of: both + caller + callee };
}

function noStates(): StateCounts {
  return { unheard: 0, active: 0, stale: 0 };
}

/** What sessions use of an instance. */
interface Use {
  readonly ports: Uint8Array;
  calls: number;
}

function noUse(): Use {
  return { ports: new Uint8Array(PORTS), calls: 0 };
}

function note(use: Use | undefined, { a, b }: Session): void {
  if (!use) return;
  use.calls++;
  for (const { local: { port } } of [a, b]) use.ports[port] = use.ports[port + 1] = 1;
}

function countPorts({ name, startPort, endPort }: InstanceConfig, use: Use): InstancePorts {
  const range = use.ports.subarray(startPort, endPort + 1);
  let inUse = 0;
  for (const isUsed of range) inUse += isUsed;
  const room = Math.floor(range.length / PORT_STEP);
  return { instance: name, inUse, free: range.length - inUse, calls: use.calls, room };
}
