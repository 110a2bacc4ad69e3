import type {
  Backend,
  BackendError,
  BackendOptions,
  Change,
  Credit,
  FlowCount,
  LearnedPort,
  Ledger,
  Stranger,
  TooBig,
  Totals,
} from "./backend.ts";
import { adoptFastFlows, auditFastPath } from "./fast_audit.ts";
import { type CarriedFlows, FastPlan } from "./fast_flows.ts";
import { type FastCounts, fastKeyOf, type FastPath, type FastState, hasFlow } from "./fast_path.ts";
import { type Flow, FLOWS, type Session } from "./session.ts";

/** Which path a session's packets take. */
export type PathName = "nft" | "kmod";

const NOTHING = { packets: 0, bytes: 0 };

/**
 * A backend that carries every session, and on top of it a fast path for some of them. A flow that is
 * promoted is in both, and the fast path sees its packets first; to demote it is to take it out
 * there. So nothing is lost or doubled on the way, whatever happens to the fast path.
 */
export class TwoPaths implements Backend {
  readonly fast: FastPath;
  readonly #base: Backend;
  readonly #isWanted: (session: Session) => boolean;
  readonly #carried: CarriedFlows = new Map();
  /** Set when it is not certain any more what the fast path carries. */
  #isDoubtful = false;
  /** Set when sessions may not be where they are wanted, though nothing about them has changed. */
  #isUnsettled = true;
  #wasThere = false;
  #relayed = NOTHING;
  /** What fast paths that are gone by now had relayed. */
  #relayedBefore = NOTHING;

  /** `isWanted`: whether a session is to be on the fast path; asked at each change. */
  constructor(base: Backend, fast: FastPath, isWanted: (session: Session) => boolean) {
    this.#base = base;
    this.fast = fast;
    this.#isWanted = isWanted;
  }

  get name(): string {
    return this.#base.name;
  }

  get disturbances(): number {
    return this.#base.disturbances;
  }

  /** How many sessions have flows on the fast path. */
  get promoted(): number {
    return this.#carried.size;
  }

  /** Whether a session has a flow on the fast path. */
  pathOf(session: Session): PathName {
    return this.#carried.has(session) ? this.fast.name : "nft";
  }

  /** Which flows of a session are on the fast path, in the order of their indexes. */
  fastFlowsOf(session: Session): readonly boolean[] {
    const bits = this.#carried.get(session) ?? 0;
    return FLOWS.map((index) => hasFlow(bits, index));
  }

  /**
   * Whether to settle all sessions again, as the fast path has come, or has lost some of them. It is
   * told once.
   */
  takeUnsettled(): boolean {
    const is = this.#isUnsettled;
    this.#isUnsettled = false;
    return is;
  }

  async attach(): Promise<readonly Session[]> {
    const sessions = await this.#base.attach();
    this.#carried.clear();
    try {
      adoptFastFlows(this.fast, sessions, this.#carried);
    } catch {
      // Calls need the backend alone. What the fast path carries is looked at again as long as needed.
      this.#isDoubtful = true;
    }
    return sessions;
  }

  apply(changes: readonly Change[]): readonly (BackendError | null)[] {
    const results = this.#base.apply(changes);
    const plan = new FastPlan(this.#carried, { isBatch: changes.length > 1 });
    changes.forEach((change, i) => {
      if (!results[i]) plan.follow(change, this.#isWanted);
    });
    this.#carryOut(plan);
    return results;
  }

  /** Put these sessions where they are wanted now; the answer is why some could not be, or null. */
  settle(sessions: Iterable<Session>): string | null {
    const plan = new FastPlan(this.#carried, { isBatch: false });
    for (const session of sessions) plan.move(session, session, this.#isWanted(session));
    return this.#carryOut(plan);
  }

  takeLearned(): Iterator<LearnedPort> {
    return this.#base.takeLearned();
  }

  count(flows: readonly Flow[]): readonly (FlowCount | null)[] {
    const counts = this.#base.count(flows);
    if (this.#carried.size === 0) return counts;
    const fast = this.fastCounts(flows);
    return counts.map((count, i) => {
      const more = fast.at(i);
      if (!count || !more) return count;
      return {
        packets: count.packets + more.packets,
        bytes: count.bytes + more.bytes,
        lockedPackets: count.lockedPackets + more.packets,
      };
    });
  }

  credit(credits: readonly Credit[]): void {
    this.#base.credit(credits);
  }

  /** What the fast path knows of flows. */
  fastCounts(flows: readonly Flow[]): FastCounts {
    return this.fast.count(flows.map(fastKeyOf));
  }

  totals(): Totals {
    const { relayed, held, refused } = this.#base.totals();
    const state = this.fast.state();
    if (typeof state !== "string") this.#noteRelayed(state);
    const fast = [this.#relayed, this.#relayedBefore];
    return {
      relayed: {
        packets: fast.reduce((sum, { packets }) => sum + packets, relayed.packets),
        bytes: fast.reduce((sum, { bytes }) => sum + bytes, relayed.bytes),
      },
      held,
      refused,
    };
  }

  strangers(): readonly Stranger[] {
    return this.#base.strangers();
  }

  arrivals(): readonly number[] {
    return this.#base.arrivals();
  }

  tooBig(): readonly TooBig[] {
    return this.#base.tooBig();
  }

  isIntact(probe: readonly Session[]): boolean {
    return this.#base.isIntact(probe) && this.#isFastIntact();
  }

  probe(): string | null {
    return this.#base.probe();
  }

  room(): number {
    return this.#base.room();
  }

  async restore(ledger: Ledger): Promise<number> {
    const pieces = await this.#base.restore(ledger);
    return pieces + this.#restoreFast(ledger);
  }

  reconfigure(options: BackendOptions): void {
    this.#base.reconfigure(options);
  }

  async remove(): Promise<void> {
    this.fast.clear();
    this.#carried.clear();
    await this.#base.remove();
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#base[Symbol.asyncDispose]();
  }

  /** Do what a plan says; the answer is why some of it could not be done. */
  #carryOut(plan: FastPlan): string | null {
    const edit = plan.edit();
    if (edit.remove.length === 0 && edit.put.length === 0) return null;
    try {
      const outcome = this.fast.edit(edit);
      this.#base.credit(plan.settle(outcome));
      return outcome.refused.find((reason) => reason !== null) ?? null;
    } catch (error) {
      // The backend below goes on; the next look at the fast path puts it right.
      this.#isDoubtful = true;
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Also where it is noticed that the fast path is gone, or has lost something. */
  #isFastIntact(): boolean {
    const state = this.fast.state();
    if (typeof state === "string") {
      this.#carried.clear();
      this.#wasThere = false;
      this.#noteEnd();
      return true;
    }
    this.#noteRelayed(state);
    if (!this.#wasThere) this.#isUnsettled = true;
    this.#wasThere = true;
    if (this.#isDoubtful) return false;
    let expected = 0;
    for (const bits of this.#carried.values()) expected += BITS[bits] ?? 0;
    return state.flows === expected;
  }

  /** A count that has shrunk is that of another module. */
  #noteRelayed({ relayed }: FastState): void {
    if (relayed.packets < this.#relayed.packets) this.#noteEnd();
    this.#relayed = relayed;
  }

  #noteEnd(): void {
    this.#relayedBefore = {
      packets: this.#relayedBefore.packets + this.#relayed.packets,
      bytes: this.#relayedBefore.bytes + this.#relayed.bytes,
    };
    this.#relayed = NOTHING;
  }

  #restoreFast(ledger: Ledger): number {
    const state = this.fast.state();
    if (typeof state === "string" || (state.flows === 0 && this.#carried.size === 0)) return 0;
    const pieces = auditFastPath(this.fast, ledger, this.#carried);
    this.#isDoubtful = false;
    if (pieces > 0) this.#isUnsettled = true;
    return pieces;
  }
}

/** How many bits are set in each number of four bits. */
const BITS: readonly number[] = Array.from(
  { length: 16 },
  (_, bits) => FLOWS.filter((index) => hasFlow(bits, index)).length,
);
