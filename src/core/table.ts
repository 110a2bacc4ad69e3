import { contestable } from "./latch.ts";
import { type FlowIndex, keyTextsOf, type Session } from "./session.ts";

/** `unheard`: no packet yet. `stale`: silent, so its ports count as free; it still relays. */
export type SessionState = "unheard" | "active" | "stale";

/** How often and when a flow was heard; times are on the monotonic clock. */
export interface FlowSample {
  packets: number;
  bytes: number;
  /** When the count was last seen to have grown; null while it never has. */
  heardMs: number | null;
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
  readonly #byId = new Map<string, Entry>();
  readonly #byKey = new Map<string, Entry>();
  readonly #byCallId = new Map<string, Set<Entry>>();
  readonly #contested = new Set<Entry>();
  #revision = 0;

  /** How many sessions there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** A number that grows with every change, so that a derived value knows when it is old. */
  get revision(): number {
    return this.#revision;
  }

  get(id: string): Entry | undefined {
    return this.#byId.get(id);
  }

  /** Whose flow a key is. */
  owner(keyText: string): Entry | undefined {
    return this.#byKey.get(keyText);
  }

  /** The sessions of one Call-ID, oldest first. */
  withCallId(callId: string): readonly Entry[] {
    return [...this.#byCallId.get(callId) ?? []];
  }

  /** The sessions with a locked port that another may replace. */
  get contested(): ReadonlySet<Entry> {
    return this.#contested;
  }

  /** All sessions, oldest first. */
  entries(): MapIterator<Entry> {
    return this.#byId.values();
  }

  /** Add an entry whose keys nobody owns. */
  add(entry: Entry): void {
    this.#byId.set(entry.session.id, entry);
    const calls = this.#byCallId.get(entry.session.callId);
    if (calls) calls.add(entry);
    else this.#byCallId.set(entry.session.callId, new Set([entry]));
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
    this.#byId.delete(entry.session.id);
    const calls = this.#byCallId.get(entry.session.callId);
    calls?.delete(entry);
    if (calls?.size === 0) this.#byCallId.delete(entry.session.callId);
  }

  /** Note that an entry's state changed. */
  touch(): void {
    this.#revision++;
  }

  #own(entry: Entry): void {
    this.#revision++;
    if (contestable(entry.session).length > 0) this.#contested.add(entry);
    for (const key of keyTextsOf(entry.session)) this.#byKey.set(key, entry);
  }

  #disown(entry: Entry): void {
    this.#revision++;
    this.#contested.delete(entry);
    for (const key of keyTextsOf(entry.session)) this.#byKey.delete(key);
  }
}

/** A fresh entry for a session that nothing has been heard of. */
export function newEntry(session: Session, nowMs: number): Entry {
  const sample = (): FlowSample => ({ packets: 0, bytes: 0, heardMs: null });
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
