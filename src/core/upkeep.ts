import type { FlowCount } from "./backend.ts";
import { judgeSilence, takeCounts, type Verdict, wasHeard } from "./liveness.ts";
import type { Relay } from "./relay.ts";
import { type Flow, type FlowIndex, flowOf, FLOWS, identityOf } from "./session.ts";
import type { Entry } from "./table.ts";

/** How long one round over all sessions may take at most. */
const LONGEST_ROUND_MS = 20_000;
/** Rounds are not exact, and one more would be much. */
const SLACK_MS = 500;
/** Time from one look at all sessions to the next, at least, and in lengths of the former. */
const AUDIT_PAUSE_MS = 500;
const AUDIT_THRIFT = 20;
/** A session in which nothing moves is looked at only every so many rounds. */
const ROUNDS_OF_SILENT = 3;
/**
 * Sessions read whole in one go, or half of those looked at if that is more: when thousands fall
 * silent at once, three more counts of each are a load that has time.
 */
const WHOLE_AT_ONCE = 50;
/** How many sessions stand for all when somebody else has used nf_tables. */
const PROBE = 8;

/** Sees which sessions have fallen silent, and that the data path still carries all of them. */
export class Upkeep {
  readonly #relay: Relay;
  #round: SetIterator<Entry>;
  readonly #standing = new Set<Entry>();
  #owed = 0;
  #lastMs: number;
  #drifted = false;
  #closed = false;
  #disturbances = 0;
  #auditDueMs = 0;

  constructor(relay: Relay) {
    this.#relay = relay;
    this.#round = relay.parts.table.entries();
    this.#lastMs = relay.parts.clock.now();
  }

  /** How long one round over all sessions may take; the limits may change at any time. */
  get #roundMs(): number {
    const { timeoutSeconds, staleLimitSeconds, unheardLimitSeconds } = this.#relay.parts.limits;
    const shortest = Math.min(timeoutSeconds, staleLimitSeconds, unheardLimitSeconds);
    return Math.min(LONGEST_ROUND_MS, shortest * 250);
  }

  /** Look at as many sessions as the time since the last call is worth. */
  sample(): void {
    const nowMs = this.#relay.parts.clock.now();
    this.#owed += this.#relay.parts.table.size * (nowMs - this.#lastMs) / this.#roundMs;
    this.#lastMs = nowMs;
    const share = Math.min(Math.floor(this.#owed), this.#relay.parts.table.size);
    this.#owed -= Math.floor(this.#owed);
    const entries = this.#next(share);
    // One moving flow proves a session alive, so the others are read only where it stands still.
    const still = new Set(this.#readFlows(entries, (entry) => [entry.liveliest]));
    for (const entry of still) this.#standing.add(entry);
    const whole = this.#takeStanding(Math.max(WHOLE_AT_ONCE, Math.ceil(share / 2)));
    this.#readFlows(whole, (entry) => FLOWS.filter((index) => index !== entry.liveliest));
    this.#judge([...entries.filter((entry) => !still.has(entry)), ...whole]);
  }

  /** Put the data path right if somebody else has changed it. */
  async watch(): Promise<void> {
    const { backend, table, clock } = this.#relay.parts;
    const probe = [...table.entries().take(PROBE)].map((entry) => entry.session);
    if (this.#drifted || !backend.isIntact(probe)) return await this.mend();
    // A few sessions do not speak for all, but looking at all of them has its price.
    if (backend.disturbances === this.#disturbances || clock.now() < this.#auditDueMs) return;
    this.#disturbances = backend.disturbances;
    const startMs = clock.now();
    await this.mend();
    const tookMs = clock.now() - startMs;
    this.#auditDueMs = clock.now() + Math.max(AUDIT_PAUSE_MS, tookMs * AUDIT_THRIFT);
  }

  /** Make the data path carry exactly the sessions of the table. */
  async mend(): Promise<void> {
    const { backend, table, emit } = this.#relay.parts;
    this.#drifted = false;
    const pieces = await backend.restore({
      // Those that talk come first.
      sessions: () => {
        const entries = [...table.entries()].sort((one, other) => other.heardMs - one.heardMs);
        return entries.map((entry) => entry.session);
      },
      owner: (key) => table.owner(key)?.session,
      get: (session) => table.get(identityOf(session))?.session,
      isClosed: () => this.#closed,
    });
    if (pieces > 0) emit({ kind: "mended", pieces });
  }

  /** Read every count of these sessions now, as somebody wants to see them. */
  refresh(entries: readonly Entry[]): void {
    this.#readFlows(entries, () => FLOWS);
    this.#judge(entries);
  }

  /** Let what is under way end early. */
  close(): void {
    this.#closed = true;
  }

  #next(share: number): readonly Entry[] {
    const entries: Entry[] = [];
    for (let looked = 0; looked < share;) {
      const next = this.#round.next();
      if (next.done) {
        this.#round = this.#relay.parts.table.entries();
        if (this.#relay.parts.table.size === 0) break;
      } else {
        looked++;
        if (this.#isDue(next.value)) entries.push(next.value);
      }
    }
    return entries;
  }

  /** What moved when last looked at is due every round; the rest when it may turn stale, or seldom. */
  #isDue(entry: Entry): boolean {
    const { clock, limits } = this.#relay.parts;
    const nowMs = clock.now();
    if (entry.heardMs === entry.sampledMs) return true;
    if (entry.state === "active" && nowMs - entry.aliveMs >= limits.timeoutSeconds * 1000) {
      return true;
    }
    return nowMs - entry.sampledMs >= this.#roundMs * ROUNDS_OF_SILENT - SLACK_MS;
  }

  /** Some of the sessions whose liveliest flow stands still, those that have waited longest. */
  #takeStanding(most: number): readonly Entry[] {
    const some = [...this.#standing.values().take(most)];
    for (const entry of some) this.#standing.delete(entry);
    return some.filter((entry) => this.#relay.parts.table.has(entry));
  }

  /** Read some flows of each entry at once; the answer is the entries of which none has moved. */
  #readFlows(
    entries: readonly Entry[],
    indexesOf: (entry: Entry) => readonly FlowIndex[],
  ): readonly Entry[] {
    const { backend, clock } = this.#relay.parts;
    const rows = entries.map(noCounts);
    const flows: Flow[] = [];
    const places: { readonly row: (FlowCount | null)[]; readonly index: FlowIndex }[] = [];
    entries.forEach((entry, i) => {
      const row = rows[i] ?? [];
      for (const index of indexesOf(entry)) {
        const flow = flowOf(entry.session, index);
        if (!flow) continue;
        flows.push(flow);
        places.push({ row, index });
      }
    });
    backend.count(flows).forEach((count, i) => {
      if (count === null) this.#drifted = true;
      const place = places[i];
      if (place) place.row[place.index] = count;
    });
    const nowMs = clock.now();
    return entries.filter((entry, i) => !takeCounts(entry, rows[i] ?? [], nowMs));
  }

  #judge(entries: readonly Entry[]): void {
    const { limits, clock } = this.#relay.parts;
    const silent: Entry[] = [];
    const unheard: Entry[] = [];
    for (const entry of entries) {
      const verdict = judgeSilence(entry, limits, clock.now());
      if (verdict !== "remove") this.#enter(entry, verdict);
      else if (wasHeard(entry)) silent.push(entry);
      else unheard.push(entry);
    }
    this.#relay.end(silent, "silent");
    this.#relay.end(unheard, "never-heard");
  }

  #enter(entry: Entry, verdict: Exclude<Verdict, "remove">): void {
    const was = entry.state;
    if (was === verdict) return;
    entry.state = verdict;
    this.#relay.parts.table.touch();
    if (verdict === "stale") this.#relay.parts.emit({ kind: "stale", session: entry.session });
    else if (was === "stale") this.#relay.parts.emit({ kind: "resumed", session: entry.session });
  }
}

function noCounts(): (FlowCount | null)[] {
  return [null, null, null, null];
}
