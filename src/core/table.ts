import type { Endpoint } from "../base/ipv4.ts";
import { contestable } from "./latch.ts";
import { Multimap } from "./multimap.ts";
import {
  type FlowIndex,
  flowIndexOf,
  type FlowKey,
  hasIdentity,
  hasLearned,
  type Identity,
  type Session,
} from "./session.ts";

/**
 * `unheard`: no packet yet. `active`: heard, and not yet proved silent. `stale`: silent, so its ports
 * count as free; it still relays.
 */
export type SessionState = "unheard" | "active" | "stale";

/** How often and when a flow was heard; times are on the monotonic clock. */
export interface FlowSample {
  packets: number;
  bytes: number;
  /** When the count was last seen to have grown; null while it never has. */
  heardMs: number | null;
  /** The last packet came after this: when the count was read before it was seen to have grown. */
  heardAfterMs: number;
  /** When the count was last read; -Infinity if it was never, and packets may be of long ago. */
  readMs: number;
}

/** A session and what the daemon knows of its traffic. */
export interface Entry {
  session: Session;
  state: SessionState;
  samples: [FlowSample, FlowSample, FlowSample, FlowSample];
  /** When this daemon came to know the session, on the monotonic clock. */
  sinceMs: number;
  /** When media was last seen to move; `sinceMs` until then. */
  heardMs: number;
  /** When there was last a sign of life: media, or a command. */
  aliveMs: number;
  /** When the counts were last read; -Infinity if they are to be read soon. */
  sampledMs: number;
  /** When a new S last re-opened the latches that were locked. */
  reopenedMs: number;
  /** When a source port of A's and of B's RTP was last learned; null while none was. */
  movedMs: [number | null, number | null];
  /** The flow that moved last: the first to look at next time. */
  liveliest: FlowIndex;
}

/** The sessions, by identity, by flow key and by Call-ID. It decides nothing. */
export class SessionTable {
  readonly #all = new Set<Entry>();
  readonly #byCallId = new Multimap<string, Entry>();
  /** By {@link socketNumber} of each leg's RTP. */
  readonly #bySocket = new Multimap<number, Entry>();
  readonly #contested = new Set<Entry>();
  #revision = 0;

  /** How many sessions there are. */
  get size(): number {
    return this.#all.size;
  }

  /** A number that grows with every change, so that a derived value knows when it is old. */
  get revision(): number {
    return this.#revision;
  }

  get(identity: Identity): Entry | undefined {
    return this.withCallId(identity.callId)
      .find(({ session }) => hasIdentity(session, identity));
  }

  /** Whose flow a key is. */
  owner(key: FlowKey): Entry | undefined {
    const isOwner = ({ session }: Entry): boolean => flowIndexOf(session, key) !== null;
    const { address, port } = key.local;
    return this.#bySocket.get(socketNumber(key.local)).find(isOwner) ??
      // The port of RTCP is one above that of its RTP.
      this.#bySocket.get(socketNumber({ address, port: port - 1 })).find(isOwner);
  }

  /** The sessions of one Call-ID, oldest first. */
  withCallId(callId: string): readonly Entry[] {
    return this.#byCallId.get(callId);
  }

  /** The sessions with a locked port that another may replace. */
  get contested(): ReadonlySet<Entry> {
    return this.#contested;
  }

  /** All sessions, oldest first. */
  entries(): SetIterator<Entry> {
    return this.#all.values();
  }

  /** Whether an entry is in the table. */
  has(entry: Entry): boolean {
    return this.#all.has(entry);
  }

  /** Add an entry whose keys nobody owns. */
  add(entry: Entry): void {
    this.#all.add(entry);
    this.#byCallId.add(entry.session.callId, entry);
    this.#own(entry);
  }

  /** Replace an entry's session by a newer form of it. */
  update(entry: Entry, session: Session): void {
    this.#disown(entry);
    entry.session = session;
    this.#own(entry);
  }

  /** Remove an entry. */
  remove(entry: Entry): void {
    this.#disown(entry);
    this.#all.delete(entry);
    this.#byCallId.delete(entry.session.callId, entry);
  }

  /** Note that an entry's state changed. */
  touch(): void {
    this.#revision++;
  }

  #own(entry: Entry): void {
    this.#revision++;
    if (contestable(entry.session).length > 0) this.#contested.add(entry);
    for (const socket of socketsOf(entry.session)) this.#bySocket.add(socket, entry);
  }

  #disown(entry: Entry): void {
    this.#revision++;
    this.#contested.delete(entry);
    for (const socket of socketsOf(entry.session)) this.#bySocket.delete(socket, entry);
  }
}

/** A socket's address and port as one number. */
function socketNumber({ address, port }: Endpoint): number {
  return address * 65536 + port;
}

/** The relay sockets of a session's RTP; with `gt` both legs may use the same one. */
function socketsOf({ a, b }: Session): readonly number[] {
  const [one, other] = [socketNumber(a.local), socketNumber(b.local)];
  return one === other ? [one] : [one, other];
}

/** A fresh entry for a session that nothing has been heard of. */
export function newEntry(session: Session, nowMs: number): Entry {
  const sample = (): FlowSample => ({
    packets: 0,
    bytes: 0,
    heardMs: null,
    heardAfterMs: -Infinity,
    readMs: nowMs,
  });
  return {
    session,
    state: "unheard",
    samples: [sample(), sample(), sample(), sample()],
    sinceMs: nowMs,
    heardMs: nowMs,
    aliveMs: nowMs,
    sampledMs: nowMs,
    reopenedMs: nowMs,
    movedMs: [null, null],
    liveliest: 0,
  };
}

/**
 * An entry for a session that the data path carried before this daemon came. Where a port was learned
 * it was heard, so it counts as active until its silence is proved.
 */
export function foundEntry(session: Session, nowMs: number): Entry {
  const entry = newEntry(session, nowMs);
  for (const sample of entry.samples) sample.readMs = -Infinity;
  if (hasLearned(session)) entry.state = "active";
  return entry;
}

/** Whether nothing is known of a session but that it was there when the daemon started. */
export function isUnread({ state, samples }: Entry): boolean {
  return state === "unheard" && samples.every(({ readMs }) => readMs === -Infinity);
}
