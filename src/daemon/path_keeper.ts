import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { LossView, PathsView, PathView } from "../control/admin.ts";
import type { FastState } from "../core/fast_path.ts";
import { loadText, type PathMode, type Promotion, type Scope } from "../core/promotion.ts";
import { flowOf } from "../core/session.ts";
import type { Entry, SessionTable } from "../core/table.ts";
import type { PathName, TwoPaths } from "../core/two_paths.ts";
import { reasonLeft } from "./path_reason.ts";
import type { SessionPath } from "./views.ts";

/** Packets are counted over so long to make a rate of them. */
const MEASURE_MS = 1000;
/** Sessions moved at once: of so many, what it takes is garbage before it counts as old. */
const MOVE_AT_ONCE = 500;
/** Sessions moved before Kamailio gets its turn, a multiple of these: some 10 ms, and the turn takes two. */
const MOVE_IN_A_TURN = 4000;
/** What the fast path had no room for is offered again after so long. */
const RETRY_MS = 10_000;

/** What a {@link PathKeeper} works with. */
export interface PathKeeperParts {
  readonly paths: TwoPaths;
  readonly promotion: Promotion;
  readonly table: SessionTable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Per cent of all CPUs' time in softirq since the last call; null where it is not known. */
  readonly softirqPercent: () => number | null;
}

/** Keeps sessions on the path that they are wanted on. */
export class PathKeeper {
  readonly #parts: PathKeeperParts;
  #measured: { readonly packets: number; readonly ms: number } | null = null;
  #retryMs = Infinity;
  #mode: PathMode | null = null;
  #wasThere: boolean | null = null;
  /** As it was at the last look: thousands of sessions are shown by it. */
  #state: FastState | string | null = null;

  constructor(parts: PathKeeperParts) {
    this.#parts = parts;
  }

  /** See what there is to do and who is where; to be called a few times a second. */
  async look(): Promise<void> {
    const { paths, promotion, clock } = this.#parts;
    this.#state = paths.fast.state();
    this.#tellOfFastPath(this.#state);
    const isReloaded = this.#mode !== promotion.mode;
    this.#mode = promotion.mode;
    const isOtherLoad = this.#measure();
    const isDue = clock.now() >= this.#retryMs;
    if (paths.takeUnsettled() || isReloaded || isOtherLoad || isDue) {
      await this.settle([...this.#parts.table.entries()]);
    }
  }

  /** Send sessions a way by hand; null leaves it to the configuration. Done when it returns. */
  async send(scope: Scope, path: PathName | null): Promise<PathView> {
    const { promotion, table, log } = this.#parts;
    promotion.pin(scope, path);
    log.info("Sessions are sent a way by hand", { ...scopeFields(scope), path: path ?? "auto" });
    const entries = [...table.entries()].filter(({ session }) =>
      scope === "all" ||
      ("callId" in scope ? session.callId === scope.callId : session.instance === scope.instance)
    );
    const obstacle = await this.settle(entries);
    return this.#view(entries, obstacle);
  }

  /** The way of a session's media. */
  nameOf({ session }: Entry): PathName {
    return this.#parts.paths.pathOf(session);
  }

  /** The way of a session's media, and why it is not a faster one. */
  pathOf({ session }: Entry): SessionPath {
    const { paths, promotion } = this.#parts;
    const state = this.#state ??= paths.fast.state();
    const pathReason = typeof state === "string"
      ? state
      : promotion.reasonAgainst(session) ?? reasonLeft(session, paths, state);
    return { path: paths.pathOf(session), pathReason };
  }

  /** What the fast path knows of RTP that was lost before it came to the relay. */
  lossOf({ session }: Entry): readonly LossView[] {
    const parties = [["caller", flowOf(session, 0)], ["callee", flowOf(session, 2)]] as const;
    return parties.flatMap(([party, flow]): readonly LossView[] => {
      const count = flow && this.#parts.paths.fastCounts([flow]).at(0);
      if (!count || count.expected === 0) return [];
      // Packets that came twice may make it less than none.
      return [{ party, sent: count.expected, lost: Math.max(0, count.expected - count.received) }];
    });
  }

  /** The ways that media take. */
  view(): PathsView {
    const { paths, promotion } = this.#parts;
    const state = paths.fast.state();
    const { mode, load } = promotion;
    const isThere = typeof state !== "string";
    const { packetsPerSecond, softirqPercent } = load;
    const against = promotion.reasonInGeneral();
    return {
      mode,
      byHand: byHand(promotion),
      packetsPerSecond: Math.round(packetsPerSecond),
      softirqPercent: softirqPercent === null ? null : Math.round(softirqPercent * 10) / 10,
      kmod: isThere
        ? {
          sessions: paths.promoted,
          flows: state.flows,
          room: state.room,
          dropped: state.dropped,
          left: state.left,
        }
        : null,
      reason: isThere ? against : state,
    };
  }

  /** Put sessions where they are wanted; the answer is why some of them could not be. */
  async settle(entries: readonly Entry[]): Promise<string | null> {
    const { paths, table, clock } = this.#parts;
    let obstacle: string | null = null;
    for (let at = 0; at < entries.length; at += MOVE_AT_ONCE) {
      const some = entries.slice(at, at + MOVE_AT_ONCE).filter((entry) => table.has(entry));
      const left = paths.settle(some.map(({ session }) => session));
      obstacle ??= left;
      const next = at + MOVE_AT_ONCE;
      if (next < entries.length && next % MOVE_IN_A_TURN === 0) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
    // One that is not there is offered everything when it comes.
    const isThere = typeof paths.fast.state() !== "string";
    this.#retryMs = obstacle !== null && isThere ? clock.now() + RETRY_MS : Infinity;
    return obstacle;
  }

  #view(entries: readonly Entry[], obstacle: string | null): PathView {
    const { paths, table } = this.#parts;
    const current = entries.filter((entry) => table.has(entry));
    const promoted = current.filter(({ session }) => paths.pathOf(session) === "kmod").length;
    return { sessions: current.length, kmod: promoted, obstacle };
  }

  /** True if much to do has become little, or the reverse. */
  #measure(): boolean {
    const { paths, promotion, clock, log } = this.#parts;
    const nowMs = clock.now();
    if (this.#measured && nowMs - this.#measured.ms < MEASURE_MS) return false;
    const { packets } = paths.totals().relayed;
    const last = this.#measured;
    this.#measured = { packets, ms: nowMs };
    if (!last) return false;
    const packetsPerSecond = Math.max(0, (packets - last.packets) * 1000 / (nowMs - last.ms));
    const load = { packetsPerSecond, softirqPercent: this.#parts.softirqPercent() };
    const isChanged = promotion.note(load, nowMs);
    if (isChanged) {
      log.info(promotion.isBusy ? "The load is high" : "The load is low again", {
        load: loadText(load),
      });
    }
    return isChanged;
  }

  #tellOfFastPath(state: FastState | string): void {
    const isThere = typeof state !== "string";
    if (isThere === this.#wasThere) return;
    const { log } = this.#parts;
    if (isThere) log.info("The kernel module can be used", { flows: state.flows });
    else if (this.#wasThere) log.warn("nftables relays everything again", { reason: state });
    else log.info("nftables relays everything", { reason: state });
    this.#wasThere = isThere;
  }
}

/** What was said by hand, from the widest to the narrowest. */
function byHand({ pinned, pinnedInstances, pinnedCalls }: Promotion): readonly string[] {
  return [
    ...pinned ? [`all sessions: ${pinned}`] : [],
    ...[...pinnedInstances].map(([name, path]) => `instance ${name}: ${path}`),
    ...pinnedCalls > 0 ? [`${pinnedCalls} single calls`] : [],
  ];
}

function scopeFields(scope: Scope): Readonly<Record<string, string>> {
  if (scope === "all") return { sessions: "all" };
  return "callId" in scope ? { call: scope.callId } : { instance: scope.instance };
}
