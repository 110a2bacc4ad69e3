import type { LearnedPort } from "./backend.ts";
import { type Candidate, contestable, judge, lockedTo } from "./latch.ts";
import { countFlows, countManyFlows } from "./counting.ts";
import type { Relay } from "./relay.ts";
import {
  type FlowIndex,
  flowIndexOf,
  type FlowKey,
  flowKeyText,
  flowOf,
  legOf,
  type Session,
  withLatch,
} from "./session.ts";
import type { Entry } from "./table.ts";

/** Ports looked at in one go: thousands speak up at once when the daemon has been away. */
const HEAR_AT_ONCE = 250;
/** How much longer each look at a silent session is put off, and for how long at most. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** How far the locked ports of a re-opened session had got; times are on the monotonic clock. */
interface Progress {
  readonly reopenedMs: number;
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly waitMs: number;
  /** When to look again. */
  readonly dueMs: number;
}

/** A flow of a known session. */
interface FoundFlow {
  readonly entry: Entry;
  readonly index: FlowIndex;
}

/** A flow and the port that it is now locked to. */
interface Heard extends FoundFlow {
  readonly port: number;
}

/** Follows the source ports that parties really use and locks the flows to them. */
export class Sources {
  readonly #relay: Relay;
  readonly #confirmSeconds: () => number;
  readonly #candidates = new Map<
    string,
    { readonly key: FlowKey; readonly candidate: Candidate }
  >();
  /** Ports that the data path has reported and that are still to be looked at. */
  #heard: Iterator<LearnedPort> | null = null;
  readonly #progress = new WeakMap<Entry, Progress>();

  /** `confirmSeconds`: how long a known port must keep speaking after an S to be locked again. */
  constructor(relay: Relay, confirmSeconds: () => number) {
    this.#relay = relay;
    this.#confirmSeconds = confirmSeconds;
  }

  /**
   * Lock what was heard since the last call; to be called every few dozen milliseconds. True if
   * there is more, for which to call again soon.
   */
  follow(): boolean {
    const { backend } = this.#relay.parts;
    const forms = new Map<Entry, Session>();
    const heard: Heard[] = [];
    this.#heard ??= backend.takeLearned();
    for (let n = 0; n < HEAR_AT_ONCE && this.#heard; n++) {
      const { done, value } = this.#heard.next();
      if (done) this.#heard = null;
      else this.#hear(value.key, value.port);
    }
    for (const [id, { key, candidate }] of this.#candidates) {
      const found = this.#find(key);
      const verdict = found ? this.#judge(found, candidate) : "gone";
      if (typeof verdict === "object") {
        this.#candidates.set(id, { key, candidate: verdict });
        continue;
      }
      this.#candidates.delete(id);
      if (!found || verdict === "gone") continue;
      const { entry, index } = found;
      const session = forms.get(entry) ?? entry.session;
      forms.set(entry, withLatch(session, index, lockedTo(candidate.port)));
      heard.push({ ...found, port: candidate.port });
    }
    this.#apply(forms, heard);
    return this.#heard !== null;
  }

  /** Forget what was heard while nobody followed it: it may be of long ago. */
  skip(): void {
    this.#heard = null;
    const { backend } = this.#relay.parts;
    for (const old = backend.takeLearned(); !old.next().done;);
  }

  /** Lock again the known ports that have kept speaking. To be called about once a second. */
  confirm(): void {
    const { table, clock } = this.#relay.parts;
    const nowMs = clock.now();
    const due = [...table.contested].filter((entry) => {
      const progress = this.#progress.get(entry);
      return progress?.reopenedMs !== entry.reopenedMs || nowMs >= progress.dueMs;
    });
    const counts = countManyFlows(due.map((entry) => entry.session), this.#relay.parts.backend);
    const forms = new Map<Entry, Session>();
    due.forEach((entry, i) => {
      const packets = (counts[i] ?? []).map((count) => count?.lockedPackets ?? 0);
      const speaking = this.#speaking(entry, packets);
      if (speaking.length > 0) forms.set(entry, lockAgain(entry.session, speaking));
    });
    this.#apply(forms, []);
  }

  /** The contested flows whose locked port has proved itself; the progress made is noted. */
  #speaking(entry: Entry, packets: readonly number[]): readonly FlowIndex[] {
    const nowMs = this.#relay.parts.clock.now();
    const { reopenedMs } = entry;
    const progress = this.#progress.get(entry);
    if (progress?.reopenedMs !== reopenedMs) {
      const dueMs = nowMs;
      this.#progress.set(entry, { reopenedMs, first: packets, last: packets, waitMs: 0, dueMs });
      return [];
    }
    const { first, last } = progress;
    const isSilent = packets.every((count, index) => count === last[index]);
    // A call on hold may be silent for hours: it is asked ever more seldom.
    const waitMs = isSilent ? Math.min(LONGEST_WAIT_MS, progress.waitMs * 2 + FIRST_WAIT_MS) : 0;
    this.#progress.set(entry, { reopenedMs, first, last: packets, waitMs, dueMs: nowMs + waitMs });
    if (nowMs - reopenedMs < this.#confirmSeconds() * 1000) return [];
    return contestable(entry.session).filter((index) => {
      // RTCP comes too seldom to be seen in every round.
      const then = (index & 1 ? first : last)[index] ?? 0;
      return (packets[index] ?? 0) > then && !this.#isBeingLeft(entry, index);
    });
  }

  #hear(key: FlowKey, port: number): void {
    const found = this.#find(key);
    const latch = found?.entry.session.latches[found.index];
    // Port 0 cannot be answered (RFC 768) and stands for none here.
    if (!found || !latch?.open || latch.locked === port || port === 0) return;
    const id = flowKeyText(key);
    const known = this.#candidates.get(id)?.candidate;
    const heardMs = this.#relay.parts.clock.now();
    const candidate = known?.port === port
      ? { ...known, heardMs }
      : { port, heardMs, silentSinceMs: heardMs, lockedPackets: this.#lockedPackets(found) };
    this.#candidates.set(id, { key, candidate });
  }

  #find(key: FlowKey): FoundFlow | null {
    const entry = this.#relay.parts.table.owner(key);
    const index = entry ? flowIndexOf(entry.session, key) : null;
    return entry && index !== null ? { entry, index } : null;
  }

  #judge(found: FoundFlow, candidate: Candidate): ReturnType<typeof judge> {
    const { entry, index } = found;
    const latch = entry.session.latches[index];
    if (!latch.open) return "gone";
    if (this.#rtpHasMoved(entry, index)) return "accepted";
    return judge(candidate, {
      index,
      latch,
      signalledPort: legOf(entry.session, index).remote.port + (index & 1),
      lockedPackets: this.#lockedPackets(found),
      nowMs: this.#relay.parts.clock.now(),
    });
  }

  /** SDP no longer names the locked port, and another one speaks. */
  #isBeingLeft(entry: Entry, index: FlowIndex): boolean {
    const flow = flowOf(entry.session, index);
    const isNamed = entry.session.latches[index].sendTo !== 0;
    return !isNamed && flow !== null && this.#candidates.has(flowKeyText(flow.key));
  }

  /** RTCP follows at once when its sender's RTP has been found at another port since the S. */
  #rtpHasMoved(entry: Entry, index: FlowIndex): boolean {
    const rtp = entry.session.latches[(index & 2) as FlowIndex];
    const movedMs = entry.movedMs[index < 2 ? 0 : 1];
    const moved = movedMs !== null && movedMs >= entry.reopenedMs;
    return (index & 1) === 1 && !rtp.open && moved;
  }

  #lockedPackets({ entry, index }: FoundFlow): number {
    if (entry.session.latches[index].locked === 0) return 0;
    return countFlows(entry.session, this.#relay.parts.backend)[index]?.lockedPackets ?? 0;
  }

  #apply(
    forms: ReadonlyMap<Entry, Session>,
    heard: readonly Heard[],
  ): void {
    const changed = new Set(this.#relay.change(forms));
    for (const { entry, index, port } of heard) {
      if (!changed.has(entry)) continue;
      if ((index & 1) === 0) entry.movedMs[index < 2 ? 0 : 1] = this.#relay.parts.clock.now();
      // Somebody speaks: that is worth a look.
      entry.sampledMs = -Infinity;
      if (entry.state === "unheard") {
        entry.state = "active";
        this.#relay.parts.table.touch();
      }
      this.#relay.parts.emit({ kind: "learned", session: entry.session, index, port });
    }
  }
}

function lockAgain(session: Session, indexes: readonly FlowIndex[]): Session {
  return indexes.reduce(
    (form, index) => withLatch(form, index, lockedTo(form.latches[index].locked)),
    session,
  );
}
