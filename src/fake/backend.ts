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
} from "../core/backend.ts";
import { type Flow, flowKeyText, identityText, type Session } from "../core/session.ts";
import { FakeKernel, type Packet, type Relayed } from "./kernel.ts";

/** Carries flows in memory. Tests hand it packets and make it fail. */
export class FakeBackend implements Backend {
  readonly name = "fake";
  readonly disturbances = 0;
  readonly kernel: FakeKernel;
  /** Errors for the next changes, one each; null lets a change through. */
  readonly failures: (BackendError | null)[] = [];
  #options: BackendOptions;

  /** Give the kernel of another one to take over what that carried. */
  constructor(options: BackendOptions, kernel: FakeKernel = new FakeKernel()) {
    this.#options = options;
    this.kernel = kernel;
  }

  room(): number {
    return this.#options.maxSessions;
  }

  /** Let a packet arrive; null if it is not sent on. */
  deliver(packet: Packet): Relayed | null {
    return this.kernel.deliver(packet);
  }

  attach(): Promise<readonly Session[]> {
    this.#load();
    return Promise.resolve([...this.kernel.records.values()]);
  }

  apply(changes: readonly Change[]): readonly (BackendError | null)[] {
    return changes.map((change) => this.failures.shift() ?? this.#applyOne(change));
  }

  takeLearned(): Iterator<LearnedPort> {
    const learned = [...this.kernel.learned.values()];
    this.kernel.learned.clear();
    return learned.values();
  }

  count(flows: readonly Flow[]): readonly (FlowCount | null)[] {
    return flows.map(({ key }) => {
      const carried = this.kernel.flows.get(flowKeyText(key));
      return carried ? { ...carried.tally } : null;
    });
  }

  credit(credits: readonly Credit[]): void {
    for (const { flow, packets, bytes } of credits) {
      const tally = this.kernel.flows.get(flowKeyText(flow.key))?.tally;
      if (!tally) continue;
      tally.packets += packets;
      tally.bytes += bytes;
      if (flow.latch.locked !== 0) tally.lockedPackets += packets;
    }
  }

  totals(): Totals {
    const { relayed, held, refused } = this.kernel.totals;
    return { relayed: { ...relayed }, held: { ...held }, refused: { ...refused } };
  }

  strangers(): readonly Stranger[] {
    return [...this.kernel.strangers.values()];
  }

  arrivals(): readonly number[] {
    return [];
  }

  tooBig(): readonly TooBig[] {
    return this.kernel.tooBig;
  }

  isIntact(probe: readonly Session[]): boolean {
    return this.kernel.hasRules && probe.every((session) => this.kernel.missing(session) === 0);
  }

  probe(): string | null {
    return this.kernel.hasRules ? null : "the fake kernel has no rules";
  }

  restore(ledger: Ledger): Promise<number> {
    const { kernel } = this;
    let pieces = kernel.hasRules ? 0 : 1;
    this.#load();
    for (const session of ledger.sessions()) {
      pieces += kernel.missing(session);
      kernel.put(session, kernel.take(session));
    }
    for (const [id, session] of kernel.records) {
      if (!ledger.get(session)) pieces += Number(kernel.records.delete(id));
    }
    for (const [text, { id, flow }] of kernel.flows) {
      const owner = ledger.owner(flow.key);
      if (!owner || identityText(owner) !== id) pieces += Number(kernel.flows.delete(text));
    }
    return Promise.resolve(pieces);
  }

  reconfigure(options: BackendOptions): void {
    this.#options = options;
    this.kernel.ranges = options.ranges;
  }

  remove(): Promise<void> {
    this.kernel.clear();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #load(): void {
    this.kernel.hasRules = true;
    this.kernel.ranges = this.#options.ranges;
  }

  #applyOne({ before, after }: Change): BackendError | null {
    const { records, hasRules } = this.kernel;
    if (after && !hasRules) return { kind: "conflict", message: "there is no table" };
    const leaving = before.filter((session) => records.has(identityText(session))).length;
    if (after && records.size - leaving >= this.#options.maxSessions) {
      return { kind: "full", message: "the fake kernel is full" };
    }
    const tallies = new Map(
      before.map((session) => [identityText(session), this.kernel.take(session)]),
    );
    if (after) this.kernel.put(after, tallies.get(identityText(after)) ?? []);
    return null;
  }
}
