import type { Change, Credit } from "./backend.ts";
import {
  type FastEdit,
  type FastFlow,
  fastFlowsOf,
  type FastOutcome,
  type FastPut,
  hasFlow,
  isSameFastFlow,
  isSameKey,
} from "./fast_path.ts";
import {
  type FlowIndex,
  type FlowKey,
  flowKeyText,
  flowOf,
  FLOWS,
  hasIdentity,
  identityOf,
  type Session,
} from "./session.ts";

/** A flow by the session that it belongs to. */
interface Place {
  readonly session: Session;
  readonly index: FlowIndex;
}

/** A flow that is to be put in, unless a later change takes it out again. */
interface Pending extends FastPut {
  readonly place: Place;
  isWithdrawn: boolean;
}

/** Which flows of which sessions a fast path carries, as bits of {@link FlowIndex}. */
export type CarriedFlows = Map<Session, number>;

/**
 * Gathers what a fast path has to do so that it carries the wanted flows of sessions. Sessions are
 * known by their object: those of a {@link Change} are the ones that the backend was given before.
 */
export class FastPlan {
  readonly #carried: CarriedFlows;
  readonly #remove: FlowKey[] = [];
  /** Of removed flows, those whose counts live on. */
  readonly #heirs: (Place | null)[] = [];
  readonly #puts: Pending[] = [];
  /** Those of each flow; null where no flow comes twice. */
  readonly #putsOf: Map<string, Pending[]> | null;
  /** What later changes of a batch have made of its sessions. */
  readonly #became = new Map<Session, Session>();
  /** Those that later changes have replaced or ended: their flows may be another session's by now. */
  readonly #gone = new Set<Session>();

  /** `isBatch`: whether changes may be about one and the same flow. */
  constructor(carried: CarriedFlows, { isBatch }: { readonly isBatch: boolean }) {
    this.#carried = carried;
    this.#putsOf = isBatch ? new Map() : null;
  }

  /** What is to be done. */
  edit(): FastEdit {
    return { remove: this.#remove, put: this.#live() };
  }

  /** Follow a change that the backend has made. */
  follow({ before, after }: Change, isWanted: (session: Session) => boolean): void {
    const same = after && before.find((session) => hasIdentity(session, identityOf(after)));
    for (const session of before) if (session !== same) this.#drop(session);
    if (after) this.move(same ?? null, after, isWanted(after));
  }

  /** Take a session from one form to another, either of which may be carried. */
  move(before: Session | null, after: Session, isWanted: boolean): void {
    this.#gone.delete(after);
    if (before && before !== after) {
      this.#became.delete(after);
      this.#became.set(before, after);
    }
    const bits = before ? this.#carried.get(before) ?? 0 : 0;
    if (bits === 0 && !isWanted) return;
    const old = before && bits !== 0 ? fastFlowsOf(before) : [];
    const wanted = isWanted ? fastFlowsOf(after) : [];
    if (before) this.#carried.delete(before);
    let carried = 0;
    for (const index of FLOWS) {
      const was = hasFlow(bits, index) ? old[index] ?? null : null;
      const is = wanted[index] ?? null;
      if (is) carried |= 1 << index;
      this.#moveFlow(was, is, { session: after, index });
    }
    if (carried !== 0) this.#carried.set(after, carried);
  }

  /** Take note of what has become of the edit; the answer is what is to be counted elsewhere. */
  settle({ removed, refused }: FastOutcome): readonly Credit[] {
    this.#live().forEach(({ place: { session, index } }, i) => {
      if (typeof refused[i] === "string") this.#forget(session, index);
    });
    const credits: Credit[] = [];
    this.#heirs.forEach((heir, i) => {
      const amount = removed[i];
      if (!heir || !amount || amount.packets === 0) return;
      const session = this.#lastForm(heir.session);
      const flow = this.#gone.has(session) ? null : flowOf(session, heir.index);
      if (flow) credits.push({ flow, packets: amount.packets, bytes: amount.bytes });
    });
    return credits;
  }

  #moveFlow(
    was: FastFlow | null,
    is: FastFlow | null,
    place: Place,
  ): void {
    const stays = was !== null && is !== null && isSameKey(was.key, is.key);
    if (was && !stays) this.#takeOut(was.key, place);
    if (!is || (was && isSameFastFlow(was, is))) return;
    const pending: Pending = { flow: is, isCarried: stays, place, isWithdrawn: false };
    this.#puts.push(pending);
    if (!this.#putsOf) return;
    const text = flowKeyText(is.key);
    this.#putsOf.set(text, [...this.#putsOf.get(text) ?? [], pending]);
  }

  /**
   * Removals come before everything else of an edit. So what an earlier change of the batch was to
   * put in is withdrawn; if the flow was not there before that, nothing is left to remove.
   */
  #takeOut(key: FlowKey, heir: Place | null): void {
    if (this.#putsOf && !this.#withdraw(this.#putsOf, key)) return;
    this.#remove.push(key);
    this.#heirs.push(heir);
  }

  /** Whether the flow is there by what was before the batch. */
  #withdraw(putsOf: Map<string, Pending[]>, key: FlowKey): boolean {
    const text = flowKeyText(key);
    const puts = putsOf.get(text) ?? [];
    for (const pending of puts) pending.isWithdrawn = true;
    putsOf.delete(text);
    return puts[0]?.isCarried ?? true;
  }

  #lastForm(session: Session): Session {
    let form = session;
    for (let next = this.#became.get(form); next; next = this.#became.get(form)) form = next;
    return form;
  }

  #live(): readonly Pending[] {
    return this.#putsOf ? this.#puts.filter(({ isWithdrawn }) => !isWithdrawn) : this.#puts;
  }

  #drop(session: Session): void {
    this.#gone.add(session);
    const bits = this.#carried.get(session) ?? 0;
    if (bits === 0) return;
    const flows = fastFlowsOf(session);
    for (const index of FLOWS) {
      const flow = hasFlow(bits, index) ? flows[index] : null;
      if (!flow) continue;
      this.#takeOut(flow.key, null);
    }
    this.#carried.delete(session);
  }

  #forget(session: Session, index: FlowIndex): void {
    const bits = (this.#carried.get(session) ?? 0) & ~(1 << index);
    if (bits === 0) this.#carried.delete(session);
    else this.#carried.set(session, bits);
  }
}
