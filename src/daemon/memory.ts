/*
 * V8 collects garbage when its heap is full, not when there is a lot of it. A storm of calls would
 * leave the daemon large for hours, so it is asked to collect when nobody waits for an answer.
 */

/** Memory may grow by so much over what was left after the last collection. */
const GROWTH_BYTES = 24 << 20;
/** Collections are at least so far apart. */
const PAUSE_MS = 30_000;

/** What a look at the process says. */
export interface MemoryMoment {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  readonly rssBytes: number;
  /** Requests taken since the daemon started: while there are new ones, it is not idle. */
  readonly requests: number;
}

/** Decides when to collect. */
export class MemoryKeeper {
  #leftBytes: number;
  #collectedMs = -Infinity;
  #requests = 0;

  /** `rssBytes`: what the process has before it has done anything. */
  constructor(rssBytes: number) {
    this.#leftBytes = rssBytes;
  }

  /** Whether now is the time; `done` is to be called with what is left afterwards. */
  isDue({ nowMs, rssBytes, requests }: MemoryMoment): boolean {
    const isIdle = requests === this.#requests;
    this.#requests = requests;
    return isIdle && nowMs - this.#collectedMs >= PAUSE_MS &&
      rssBytes > this.#leftBytes + GROWTH_BYTES;
  }

  /** Note a collection. */
  done(nowMs: number, rssBytes: number): void {
    this.#collectedMs = nowMs;
    this.#leftBytes = rssBytes;
  }
}

/** Collect all garbage there is, if the runtime was started with `--expose-gc`. */
export function collectGarbage(): void {
  const { gc } = globalThis as { gc?: (options: { type: "major"; flavor: "last-resort" }) => void };
  gc?.({ type: "major", flavor: "last-resort" });
}
