import { EEXIST, ENFILE, ENOENT, ENOSPC } from "./protocol.ts";
import { errorText } from "../base/libc.ts";
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
import type { Flow, Session } from "../core/session.ts";
import { addMissing, removeOrphans } from "./audit.ts";
import { type Edit, editFor, editForCredit } from "./commands.ts";
import {
  type Element,
  elementsOf,
  flowWords,
  legWords,
  placeOf,
  SET_NAMES,
  wordPort,
} from "./elements.ts";
import { Exchange } from "./exchange.ts";
import { takeLearned } from "./learned.ts";
import { NetlinkMeter } from "./netlink_meter.ts";
import { capacityFor, chainsText, loadText, tableText } from "./load.ts";
import { fitsRecord, parseRecord } from "./record.ts";
import { ElementStore } from "./store.ts";
import {
  deleteTable,
  LAYOUT,
  readCapacity,
  readGeneration,
  readLayout,
  readRules,
  replaceRanges,
  replaceRawRules,
  stateOf,
  totalsOf,
} from "./structure.ts";

/** A record so short fits, whatever ports will be learned. */
const SHORT_RECORD = 200;
const NO_EDIT: Edit = { deletions: [], additions: [] };
/** How often a restoration is begun again because the table was damaged meanwhile. */
const RESTORE_ATTEMPTS = 5;
/** Every set of the table, those that hold no pieces of sessions too. */
const ALL_SETS = [...SET_NAMES, "learned", "strangers", "arrivals", "too_big_flows", "relay_ports"];
/** Sessions put into one transaction while mending. */
const MEND_AT_ONCE = 250;

/** The sets whose elements count packets of flows. */
const COUNTING_SETS = ["held", "legs", "open"] as const;

type Sum = { -readonly [Field in keyof FlowCount]: FlowCount[Field] };

/** Elements of a set that are asked for their counts, and the positions of their flows. */
class Asked {
  readonly keys: (readonly number[])[] = [];
  readonly flowOfKey: number[] = [];

  add(flow: number, key: readonly number[]): void {
    this.keys.push(key);
    this.flowOfKey.push(flow);
  }
}

/** Carries flows with stateless nftables rewriting in prerouting. */
export class NftBackend implements Backend {
  readonly name = "nft";
  #options: BackendOptions;
  /** What the exchanges with the kernel cost. */
  readonly meter = new NetlinkMeter();
  readonly #exchange = new Exchange(this.meter);
  readonly #store = new ElementStore(this.#exchange);
  /** Transactions in this namespace that were not ours, as far as they have been looked into. */
  #foreign = 0;
  #disturbances = 0;
  /** Settles with the restoration begun last. */
  #restored: Promise<unknown> = Promise.resolve();

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  async attach(): Promise<readonly Session[]> {
    // Of another version's table nothing is understood but that it holds no call.
    if (this.#isOfOtherLayout() && this.#hasNoCalls()) deleteTable(this.#exchange);
    const layout = readLayout(this.#exchange);
    if (this.#isOfOtherLayout()) {
      throw new Error(
        `Cannot use the table ip lrkproxy: "${layout}" is not "${LAYOUT}"; ` +
          "another version made it (end its calls with that version's `lrkproxy stop --drop`)",
      );
    }
    this.#foreign = this.#foreignTransactions();
    const records = layout === null ? [] : this.#readRecords();
    // An empty table costs nobody a packet, so it is made anew where it has become too small.
    if (records.length === 0 && this.room() < this.#options.maxSessions) {
      deleteTable(this.#exchange);
    }
    if (!this.#isStructureComplete() && await this.#rebuildStructure()) {
      this.#foreign = this.#foreignTransactions();
      await this.#putBack(records, () => true);
    }
    this.#guard(this.#options.ranges);
    return records;
  }

  room(): number {
    const wanted = capacityFor(this.#options.maxSessions);
    const capacities = SET_NAMES.map((set) => readCapacity(this.#exchange, set) ?? wanted);
    const { maxSessions } = this.#options;
    return Math.floor(maxSessions * Math.min(1, Math.min(...capacities) / wanted));
  }

  get disturbances(): number {
    return this.#disturbances;
  }

  apply(changes: readonly Change[]): readonly (BackendError | null)[] {
    const edits = changes.map(editFor);
    const results = changes.map((change, i) => unfit(change, edits[i] ?? NO_EDIT));
    const fit = edits.map((edit, i) => results[i] ? NO_EDIT : edit);
    const errors = this.#store.commit(fit);
    if (errors.size === 0) return results;
    // One bad edit takes the whole transaction with it, so each gets one of its own.
    return changes.map((change, i) => results[i] ?? this.#applyAlone(change));
  }

  takeLearned(): Iterator<LearnedPort> {
    return takeLearned(this.#store);
  }

  count(flows: readonly Flow[]): readonly (FlowCount | null)[] {
    const asked = { held: new Asked(), legs: new Asked(), open: new Asked() };
    flows.forEach(({ key, latch, rewrite }, i) => {
      if (!rewrite) return asked.held.add(i, flowWords(key));
      if (latch.locked) asked.legs.add(i, legWords(key, latch.locked));
      if (latch.open) asked.open.add(i, flowWords(key));
    });
    const sums = flows.map((): Sum | null => ({ packets: 0, bytes: 0, lockedPackets: 0 }));
    for (const set of COUNTING_SETS) {
      const { keys, flowOfKey } = asked[set];
      this.#store.count(set, keys).forEach((count, n) => {
        const at = flowOfKey[n] ?? 0;
        const sum = sums[at];
        if (count === null) sums[at] = null;
        if (!count || !sum) return;
        sum.packets += count.packets;
        sum.bytes += count.bytes;
        if (set === "legs") sum.lockedPackets = count.packets;
      });
    }
    return sums;
  }

  credit(credits: readonly Credit[]): void {
    if (credits.length === 0) return;
    const edits = credits.map(editForCredit);
    if (this.#store.commit(edits).size === 0) return;
    // A count is not worth a failure, and that of one flow not those of the others.
    for (const edit of edits) this.#store.commit([edit]);
  }

  totals(): Totals {
    return totalsOf(readRules(this.#exchange));
  }

  strangers(): readonly Stranger[] {
    return this.#store.dump("strangers").map(({ key, count }) => {
      const [address = 0, localPort, remote = 0, remotePort] = key;
      const local = { address, port: wordPort(localPort) };
      return { key: { remote, local }, port: wordPort(remotePort), ...count };
    });
  }

  arrivals(): readonly number[] {
    return this.#store.dump("arrivals").map(({ key: [word = 0] }) => swapBytes(word));
  }

  tooBig(): readonly TooBig[] {
    return this.#store.dump("too_big_flows").map(({ key, count: { packets } }) => {
      const [local = 0, localPort, remote = 0, remotePort, mtu] = key;
      return {
        from: { address: local, port: wordPort(localPort) },
        to: { address: remote, port: wordPort(remotePort) },
        mtuBytes: wordPort(mtu),
        packets,
      };
    });
  }

  isIntact(probe: readonly Session[]): boolean {
    const foreign = this.#foreignTransactions();
    if (foreign === this.#foreign) return true;
    this.#disturbances++;
    if (!this.#isStructureComplete()) return false;
    if (!probe.every((session) => elementsOf(session).every((element) => this.#has(element)))) {
      return false;
    }
    this.#foreign = foreign;
    return true;
  }

  probe(): string | null {
    try {
      return this.#isStructureComplete() ? null : "table ip lrkproxy is missing or damaged";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  restore(ledger: Ledger): Promise<number> {
    // Two at once would each load the table's text.
    const restored = this.#restored.then(() => this.#restoreAll(ledger));
    this.#restored = restored.catch(() => {});
    return restored;
  }

  /** Restore, and again if the table was damaged meanwhile. */
  async #restoreAll(ledger: Ledger): Promise<number> {
    let pieces = await this.#restore(ledger);
    // Somebody who does nothing else must not keep us here for ever.
    for (let again = 1; again < RESTORE_ATTEMPTS && !ledger.isClosed(); again++) {
      if (this.#isStructureComplete()) break;
      pieces += await this.#restore(ledger);
    }
    return pieces;
  }

  async #restore(ledger: Ledger): Promise<number> {
    let foreign = this.#foreignTransactions();
    let pieces = this.#isStructureComplete() ? 0 : 1;
    const isAnew = pieces > 0 && await this.#rebuildStructure();
    this.#guard(this.#options.ranges);
    if (isAnew) {
      foreign = this.#foreignTransactions();
      const sessions = [...ledger.sessions()];
      await this.#putBack(sessions, (session) => ledger.get(session) === session);
      pieces += sessions.length;
    } else {
      // A look at all sessions takes its time, and must not keep a greater damage waiting.
      const isClosed = (): boolean => ledger.isClosed() || !this.#isStructureComplete();
      const audited = { ...ledger, isClosed };
      pieces += await addMissing(this.#store, audited) + await removeOrphans(audited);
    }
    this.#foreign = foreign;
    return pieces;
  }

  reconfigure(options: BackendOptions): void {
    // A table that somebody has just taken away gets its ranges when it is restored.
    if (this.#hasAllSets()) this.#guard(options.ranges);
    this.#options = options;
  }

  remove(): Promise<void> {
    deleteTable(this.#exchange);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#exchange[Symbol.dispose]();
    return Promise.resolve();
  }

  #guard(ranges: BackendOptions["ranges"]): void {
    replaceRanges(this.#exchange, this.#store.dump("relay_ports"), ranges);
  }

  /** Make a change without trusting what the kernel is thought to hold. */
  #applyAlone(change: Change): BackendError | null {
    const edit = editFor(change);
    const [code] = this.#store.commit([edit]).values();
    if (code === undefined) return null;
    if (code !== ENOENT && code !== EEXIST) return asError(code);
    const [stillWrong] = this.#store.commit([this.#actualEdit(edit)]).values();
    return stillWrong === undefined ? null : asError(stillWrong);
  }

  /** The edit as it must be, given what is really there. */
  #actualEdit({ deletions, additions }: Edit): Edit {
    const places = new Map<string, Element>();
    for (const element of [...deletions, ...additions.map((addition) => addition.element)]) {
      if (this.#has(element)) places.set(placeOf(element), element);
    }
    return { deletions: [...places.values()], additions };
  }

  #has({ set, key }: Element): boolean {
    return this.#store.read(set, [key])[0] !== null;
  }

  #readRecords(): readonly Session[] {
    return this.#store.collect("sessions", ({ key, comment }) => {
      return comment === null ? null : parseRecord(comment, key);
    });
  }

  /** Put sessions into the table made anew, those that are still as they were. */
  async #putBack(
    sessions: readonly Session[],
    isCurrent: (session: Session) => boolean,
  ): Promise<void> {
    for (let at = 0; at < sessions.length; at += MEND_AT_ONCE) {
      const some = sessions.slice(at, at + MEND_AT_ONCE).filter(isCurrent);
      // One that is there already must not cost the others.
      if (!this.#store.add(some.flatMap(elementsOf))) {
        this.apply(some.map((after) => ({ before: [], after })));
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  #isStructureComplete(): boolean {
    return readLayout(this.#exchange) === LAYOUT &&
      stateOf(readRules(this.#exchange)) === "complete" &&
      this.#hasAllSets() &&
      this.#store.dump("relay_ports").length === this.#options.ranges.length;
  }

  /**
   * Put right what is wrong with the structure. What the sets hold stays, since it is the only
   * record of the calls, unless a set is missing: then the table is made anew, which the answer says.
   */
  async #rebuildStructure(): Promise<boolean> {
    const isAnew = !this.#hasAllSets();
    if (isAnew) {
      deleteTable(this.#exchange);
      await loadText(tableText(this.#options.maxSessions));
    } else if (stateOf(readRules(this.#exchange)) === "broken") {
      await loadText(chainsText());
    }
    replaceRawRules(this.#exchange, readRules(this.#exchange));
    return isAnew;
  }

  #isOfOtherLayout(): boolean {
    const layout = readLayout(this.#exchange);
    return layout !== null && layout !== LAYOUT;
  }

  #hasNoCalls(): boolean {
    return readCapacity(this.#exchange, "sessions") !== null &&
      this.#store.dump("sessions").length === 0;
  }

  #hasAllSets(): boolean {
    return ALL_SETS.every((set) => readCapacity(this.#exchange, set) !== null);
  }

  #foreignTransactions(): number {
    return (readGeneration(this.#exchange) - this.#exchange.commits) >>> 0;
  }
}

/** An interface's index is as this machine writes it, where other keys are in network order. */
function swapBytes(word: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, word);
  return view.getUint32(0, true);
}

function unfit({ after }: Change, { additions }: Edit): BackendError | null {
  const isLong = additions.some(({ element }) => (element.comment?.length ?? 0) > SHORT_RECORD);
  if (!after || !isLong || fitsRecord(after)) return null;
  return { kind: "unfit", message: "the Call-ID is too long for the kernel's record" };
}

function asError(code: number): BackendError {
  const kind = code === ENFILE || code === ENOSPC
    ? "full"
    : code === ENOENT || code === EEXIST
    ? "conflict"
    : "broken";
  return { kind, message: `nf_tables: ${errorText(code)}` };
}
