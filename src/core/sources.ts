import { type Candidate, contestable, judge, lockedTo } from "./latch.ts";
import { countFlows } from "./plan.ts";
import type { Relay } from "./relay.ts";
import { type FlowIndex, flowKeyText, type Latch, type Session, withLatch } from "./session.ts";
import type { Entry } from "./table.ts";

/** How far the locked ports of a re-opened session had got. */
interface Progress {
  readonly reopenedMs: number;
  readonly first: readonly number[];
  last: readonly number[];
}

/** Follows the source ports that parties really use and locks the flows to them. */
export class Sources {
  readonly #relay: Relay;
  readonly #confirmMs: number;
  readonly #candidates = new Map<string, Candidate>();
  readonly #progress = new WeakMap<Entry, Progress>();

  /** `confirmSeconds`: how long a known port must keep speaking after an S to be locked again. */
  constructor(relay: Relay, confirmSeconds: number) {
    this.#relay = relay;
    this.#confirmMs = confirmSeconds * 1000;
  }

  /** Lock what was heard since the last call. To be called every few dozen milliseconds. */
  follow(): void {
    const { backend, table } = this.#relay.parts;
    const forms = new Map<Entry, Session>();
    const heard: [Entry, FlowIndex, number][] = [];
    for (const { key, port } of backend.takeLearned()) {
      const owner = table.owner(flowKeyText(key));
      if (owner) this.#hear(owner.entry, owner.index, port);
    }
    for (const [id, candidate] of this.#candidates) {
      const [entry, index] = this.#find(id);
      const latch = entry?.session.latches[index];
      if (!entry || !latch?.open) {
        this.#candidates.delete(id);
      } else if (this.#accepts(entry, index, { id, candidate })) {
        this.#candidates.delete(id);
        const session = forms.get(entry) ?? entry.session;
        forms.set(entry, withLatch(session, index, lockedTo(candidate.port)));
        heard.push([entry, index, candidate.port]);
      }
    }
    this.#apply(forms, heard);
  }

  /** Lock again the known ports that have kept speaking. To be called about once a second. */
  confirm(): void {
    const { table, clock, backend } = this.#relay.parts;
    const forms = new Map<Entry, Session>();
    for (const entry of table.contested) {
      const counts = countFlows(entry.session, backend).map((count) => count?.lockedPackets ?? 0);
      const progress = this.#progress.get(entry);
      if (progress?.reopenedMs !== entry.reopenedMs) {
        const { reopenedMs } = entry;
        this.#progress.set(entry, { reopenedMs, first: counts, last: counts });
        continue;
      }
      const due = clock.now() - entry.reopenedMs >= this.#confirmMs;
      const speaking = contestable(entry.session).filter((index) => {
        // RTCP comes too seldom to be seen in every round.
        const then = (index & 1 ? progress.first : progress.last)[index] ?? 0;
        return due && (counts[index] ?? 0) > then;
      });
      progress.last = counts;
      if (speaking.length > 0) forms.set(entry, lockAgain(entry.session, speaking));
    }
    this.#apply(forms, []);
  }

  #hear(entry: Entry, index: FlowIndex, port: number): void {
    const latch = entry.session.latches[index];
    if (!latch.open || latch.locked === port) return;
    const id = `${index} ${entry.session.id}`;
    if (this.#candidates.get(id)?.port === port) return;
    this.#candidates.set(id, {
      port,
      silentSinceMs: this.#relay.parts.clock.now(),
      lockedPackets: this.#lockedPackets(entry, index, latch),
    });
  }

  #find(id: string): [Entry | undefined, FlowIndex] {
    const index = Number(id.slice(0, 1)) as FlowIndex;
    return [this.#relay.parts.table.get(id.slice(2)), index];
  }

  #accepts(
    entry: Entry,
    index: FlowIndex,
    { id, candidate }: { readonly id: string; readonly candidate: Candidate },
  ): boolean {
    const latch = entry.session.latches[index];
    if (latch.locked === 0 || this.#rtpHasMoved(entry, index)) return true;
    const lockedPackets = this.#lockedPackets(entry, index, latch);
    const nowMs = this.#relay.parts.clock.now();
    const verdict = judge(candidate, index, { lockedPackets, nowMs });
    if (verdict === "accepted") return true;
    this.#candidates.set(id, verdict);
    return false;
  }

  /** RTCP follows at once when its sender's RTP has been found at another port since the S. */
  #rtpHasMoved(entry: Entry, index: FlowIndex): boolean {
    const rtp = entry.session.latches[(index & 2) as FlowIndex];
    const moved = entry.movedMs !== null && entry.movedMs >= entry.reopenedMs;
    return (index & 1) === 1 && !rtp.open && moved;
  }

  #lockedPackets(entry: Entry, index: FlowIndex, latch: Latch): number {
    if (latch.locked === 0) return 0;
    return countFlows(entry.session, this.#relay.parts.backend)[index]?.lockedPackets ?? 0;
  }

  #apply(
    forms: ReadonlyMap<Entry, Session>,
    heard: readonly (readonly [Entry, FlowIndex, number])[],
  ): void {
    const changed = new Set(this.#relay.change(forms));
    for (const [entry, index, port] of heard) {
      if (!changed.has(entry)) continue;
      if ((index & 1) === 0) entry.movedMs = this.#relay.parts.clock.now();
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
