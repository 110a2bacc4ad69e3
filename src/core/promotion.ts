import type { Session } from "./session.ts";
import type { PathName } from "./two_paths.ts";

/** `auto`: the fast path is used while there is much to do. */
export type PathMode = PathName | "auto";

/** From when on there is much to do. */
export interface Thresholds {
  /** Packets a second, all sessions together. */
  readonly packetsPerSecond: number;
  /** Per cent of all CPUs' time that is spent in softirq. */
  readonly softirqPercent: number;
}

/** What there was to do lately; null where it is not known. */
export interface Load {
  readonly packetsPerSecond: number;
  readonly softirqPercent: number | null;
}

/** Whose sessions are meant: one call's, one instance's, or all. */
export type Scope =
  | { readonly callId: string }
  | { readonly instance: string }
  | "all";

/** How little of a threshold has to be left, and for how long, until there is little to do again. */
const CALM_SHARE = 0.5;
const CALM_MS = 30_000;
const BY_HAND = "by hand (lrkproxy path)";

/** Decides which sessions are wanted on the fast path. */
export class Promotion {
  readonly #rules: () => { readonly mode: PathMode; readonly thresholds: Thresholds };
  /** What somebody has said by hand: the narrower word counts, the later one replaces narrower ones. */
  #all: PathName | null = null;
  readonly #instances = new Map<string, PathName>();
  readonly #calls = new Map<string, PathName>();
  #isBusy = false;
  #busyMs = -Infinity;
  #load: Load = { packetsPerSecond: 0, softirqPercent: null };

  /** `rules` is asked each time: a reload may change it. */
  constructor(rules: () => { readonly mode: PathMode; readonly thresholds: Thresholds }) {
    this.#rules = rules;
  }

  /** The load that was noted last. */
  get load(): Load {
    return this.#load;
  }

  /** Whether `auto` would use the fast path now. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether a session is to be on the fast path. */
  wants({ callId, instance }: Session): boolean {
    const pinned = this.#calls.get(callId) ?? this.#instances.get(instance) ?? this.#all;
    if (pinned !== null) return pinned === "kmod";
    const { mode } = this.#rules();
    return mode === "kmod" || (mode === "auto" && this.#isBusy);
  }

  /** Why a session is not wanted on the fast path; null if it is. */
  reasonAgainst(session: Session): string | null {
    if (this.wants(session)) return null;
    const { callId, instance } = session;
    const isPinned = this.#calls.has(callId) || this.#instances.has(instance);
    return isPinned ? BY_HAND : this.reasonInGeneral();
  }

  /** Why no session is wanted on the fast path, unless somebody wants it; null if all are. */
  reasonInGeneral(): string | null {
    if (this.#all !== null) return this.#all === "nft" ? BY_HAND : null;
    const { mode, thresholds } = this.#rules();
    if (mode === "nft") return "[kernel] mode is nft";
    if (mode === "kmod" || this.#isBusy) return null;
    return `the load is low: ${loadText(this.#load)}; from ${thresholdText(thresholds)} on`;
  }

  /** The mode of the configuration. */
  get mode(): PathMode {
    return this.#rules().mode;
  }

  /** Send sessions a way by hand; null leaves the choice to the configuration again. */
  pin(scope: Scope, path: PathName | null): void {
    if (scope === "all") {
      this.#calls.clear();
      this.#instances.clear();
      this.#all = path;
    } else if ("callId" in scope) {
      put(this.#calls, scope.callId, path);
    } else {
      put(this.#instances, scope.instance, path);
    }
  }

  /** Forget what was said of a call that is over. */
  forget(callId: string): void {
    this.#calls.delete(callId);
  }

  /** How many calls there are that somebody has sent a way by hand. */
  get pinnedCalls(): number {
    return this.#calls.size;
  }

  /** What was said by hand of all sessions. */
  get pinned(): PathName | null {
    return this.#all;
  }

  /** What was said by hand of instances. */
  get pinnedInstances(): ReadonlyMap<string, PathName> {
    return this.#instances;
  }

  /** Take note of the load; true if `auto` decides otherwise from now on. */
  note(load: Load, nowMs: number): boolean {
    this.#load = load;
    const { thresholds } = this.#rules();
    const was = this.#isBusy;
    if (shareOf(load, thresholds) >= (was ? CALM_SHARE : 1)) this.#busyMs = nowMs;
    this.#isBusy = nowMs - this.#busyMs < (was ? CALM_MS : 1);
    return was !== this.#isBusy;
  }
}

/** How much of the threshold that is nearer a load reaches. */
function shareOf(load: Load, { packetsPerSecond, softirqPercent }: Thresholds): number {
  return Math.max(
    load.packetsPerSecond / packetsPerSecond,
    (load.softirqPercent ?? 0) / softirqPercent,
  );
}

function put(map: Map<string, PathName>, name: string, path: PathName | null): void {
  if (path === null) map.delete(name);
  else map.set(name, path);
}

/** A load for people. */
export function loadText({ packetsPerSecond, softirqPercent }: Load): string {
  const softirq = softirqPercent === null ? "" : `, ${Math.round(softirqPercent)} % softirq`;
  return `${Math.round(packetsPerSecond)} packets/s${softirq}`;
}

function thresholdText({ packetsPerSecond, softirqPercent }: Thresholds): string {
  return `${packetsPerSecond} packets/s or ${softirqPercent} % softirq`;
}
