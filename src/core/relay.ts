import { err, ok, type Result } from "../base/result.ts";
import type { BackendError } from "./backend.ts";
import type { Refusal, RefusalReason } from "./call.ts";
import type { EndReason, Listener } from "./events.ts";
import { countManyFlows } from "./counting.ts";
import { takeCounts } from "./liveness.ts";
import { type Command, namesIn, type Plan, planCommand, type PlanningParts } from "./plan.ts";
import type { Session } from "./session.ts";
import { type Entry, foundEntry, newEntry } from "./table.ts";

/** Whether the data path does what a command asked. */
export type Outcome = Result<"opened" | "updated" | "closed" | "nothing", Refusal>;

/** What the relay is made of. */
export interface RelayParts extends PlanningParts {
  readonly emit: Listener;
  /** Whether the last counts of a session that ends for this reason are worth reading. */
  readonly isCounted?: (reason: EndReason) => boolean;
}

/** A plan that the data path has to confirm. */
type Pending = Extract<Plan, { readonly change: unknown }>;

const REASONS = {
  full: "full",
  unfit: "malformed",
  conflict: "kernel",
  broken: "kernel",
} as const satisfies Record<BackendError["kind"], RefusalReason>;

/** The use cases of calls. Nothing but this class writes to the session table. */
export class Relay {
  readonly parts: RelayParts;

  constructor(parts: RelayParts) {
    this.parts = parts;
  }

  /** Carry out commands in their order; one outcome each, after the data path has confirmed it. */
  handle(commands: readonly Command[]): readonly Outcome[] {
    const outcomes = new Array<Outcome>(commands.length);
    const pending = new Map<number, Pending>();
    const concerned = new Set<string>();
    const confirm = (): void => {
      for (const [at, outcome] of this.#confirm(pending)) outcomes[at] = outcome;
      pending.clear();
      concerned.clear();
    };
    commands.forEach((command, at) => {
      let plan = planCommand(command, this.parts);
      let names = namesOf(plan);
      // A plan that may build on an unconfirmed one is made again once that is decided.
      const full = this.parts.table.size + pending.size >= this.parts.maxSessions;
      const isApart = names !== null && !names.some((name) => concerned.has(name));
      if (pending.size > 0 && (full || !isApart)) {
        confirm();
        plan = planCommand(command, this.parts);
        names = namesOf(plan);
      }
      if ("change" in plan) {
        pending.set(at, plan);
        for (const name of names ?? []) concerned.add(name);
      } else {
        outcomes[at] = this.#decide(command, plan);
      }
    });
    confirm();
    return outcomes;
  }

  /** End sessions without Kamailio's word; the number of those that are gone. */
  end(entries: readonly Entry[], reason: EndReason): number {
    this.#countLast(entries, reason);
    const changes = entries.map(({ session }) => ({ before: [session], after: null }));
    const results = this.parts.backend.apply(changes);
    let ended = 0;
    entries.forEach((entry, i) => {
      const error = results[i];
      if (error) return this.#report(error, entry.session);
      this.#forget(entry, reason);
      ended++;
    });
    return ended;
  }

  /** Give sessions a new form; the entries for which the data path has confirmed it. */
  change(forms: ReadonlyMap<Entry, Session>): readonly Entry[] {
    const wanted = [...forms];
    const results = this.parts.backend.apply(
      wanted.map(([entry, session]) => ({ before: [entry.session], after: session })),
    );
    return wanted.filter(([entry, session], i) => {
      const error = results[i];
      if (error) this.#report(error, session);
      else this.parts.table.update(entry, session);
      return !error;
    }).map(([entry]) => entry);
  }

  /** Take up a session that the data path already carries. */
  adopt(session: Session): Entry {
    const entry = foundEntry(session, this.parts.clock.now());
    this.parts.table.add(entry);
    return entry;
  }

  #decide(command: Command, plan: Exclude<Plan, Pending>): Outcome {
    const { instance, fields: { callId } } = command;
    if (plan.kind === "nothing") {
      this.parts.emit({ kind: "unknown-close", instance, callId });
      return ok("nothing");
    }
    this.parts.emit({ kind: "refused", instance, callId, refusal: plan.refusal });
    return err(plan.refusal);
  }

  #confirm(pending: ReadonlyMap<number, Pending>): readonly [number, Outcome][] {
    if (pending.size === 0) return [];
    const plans = [...pending];
    this.#countLast(
      plans.flatMap(([, plan]) => plan.kind === "close" ? [plan.entry] : []),
      "command",
    );
    const results = this.parts.backend.apply(plans.map(([, plan]) => plan.change));
    return plans.map(([at, plan], i) => {
      const error = results[i];
      return [at, error ? this.#failed(plan, error) : this.#commit(plan)];
    });
  }

  #failed(plan: Pending, error: BackendError): Outcome {
    this.#report(error, plan.kind === "open" ? plan.session : plan.entry.session);
    return err({ reason: REASONS[error.kind], message: error.message });
  }

  #commit(plan: Pending): Outcome {
    if (plan.kind === "close") {
      this.#forget(plan.entry, "command");
      return ok("closed");
    }
    for (const rival of plan.rivals) this.#forget(rival, "replaced");
    const { session, known } = plan;
    if (known) {
      // A call that is answered or taken off hold is alive before its media is.
      known.aliveMs = known.reopenedMs = this.parts.clock.now();
      known.sampledMs = -Infinity;
      this.parts.table.update(known, session);
    } else {
      this.parts.table.add(newEntry(session, this.parts.clock.now()));
    }
    const kind = known ? "updated" : "opened";
    this.parts.emit({ kind, session });
    return ok(kind);
  }

  #forget(entry: Entry, reason: EndReason): void {
    this.parts.table.remove(entry);
    this.parts.emit({ kind: "ended", session: entry.session, reason, entry });
  }

  /** Read what sessions have carried while the data path still knows it. */
  #countLast(entries: readonly Entry[], reason: EndReason): void {
    if (entries.length === 0 || !this.parts.isCounted?.(reason)) return;
    const sessions = entries.map((entry) => entry.session);
    const counts = countManyFlows(sessions, this.parts.backend);
    const nowMs = this.parts.clock.now();
    entries.forEach((entry, i) => takeCounts(entry, counts[i] ?? [], nowMs));
  }

  #report(error: BackendError, session: Session): void {
    this.parts.emit({ kind: "backend-error", message: error.message, callId: session.callId });
  }
}

/** What a plan depends on; null if nothing has to be confirmed for it. */
function namesOf(plan: Plan): readonly string[] | null {
  return "change" in plan ? namesIn(plan.change) : null;
}
