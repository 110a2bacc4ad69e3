import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { DrainOptions, DrainView } from "../control/admin.ts";

/** The log says how many calls are left this often, if their number has changed. */
const TELL_MS = 10_000;

/** A drain that goes on. */
interface Begun extends DrainOptions {
  readonly sinceMs: number;
}

/** What a look at a drain says. */
export type DrainVerdict = "off" | "waits" | "empty" | "timeout";

/**
 * Knows whether the daemon is on its way out: it lets Kamailio go to other engines and stops when
 * its last call has ended.
 */
export class Drain {
  readonly #clock: Clock;
  readonly #callsLeft: () => number;
  #begun: Begun | null = null;

  /** `callsLeft` counts the calls that are worth waiting for. */
  constructor(clock: Clock, callsLeft: () => number) {
    this.#clock = clock;
    this.#callsLeft = callsLeft;
  }

  /** Whether Kamailio is to go elsewhere. */
  get isOn(): boolean {
    return this.#begun !== null;
  }

  /** Begin, or go on with other options. */
  begin(options: DrainOptions): void {
    this.#begun = { ...options, sinceMs: this.#clock.now() };
  }

  /** Take calls again. */
  end(): void {
    this.#begun = null;
  }

  /** How it goes; null while it is off. */
  view(): DrainView | null {
    if (!this.#begun) return null;
    const { sinceMs, timeoutSeconds } = this.#begun;
    const seconds = this.#elapsedSeconds(sinceMs);
    return {
      seconds: Math.round(seconds),
      callsLeft: this.#callsLeft(),
      stopsInSeconds: timeoutSeconds === null
        ? null
        : Math.max(0, Math.round(timeoutSeconds - seconds)),
    };
  }

  /** Whether it is done. */
  verdict(): DrainVerdict {
    if (!this.#begun) return "off";
    const { sinceMs, timeoutSeconds, ringSeconds } = this.#begun;
    const seconds = this.#elapsedSeconds(sinceMs);
    if (timeoutSeconds !== null && seconds >= timeoutSeconds) return "timeout";
    return seconds >= ringSeconds && this.#callsLeft() === 0 ? "empty" : "waits";
  }

  #elapsedSeconds(sinceMs: number): number {
    return (this.#clock.now() - sinceMs) / 1000;
  }
}

/** Whether a value from the admin socket says how to drain. */
export function areDrainOptions(
  { timeoutSeconds, ringSeconds }: Partial<DrainOptions>,
): boolean {
  const isTime = (value: unknown): boolean => Number.isFinite(value) && Number(value) >= 0;
  return isTime(ringSeconds) && (timeoutSeconds === null || isTime(timeoutSeconds));
}

/** Looks after a {@link Drain}: tells the log how it goes, and stops the daemon at its end. */
export class Drainer {
  readonly #parts: { readonly drain: Drain; readonly log: Logger; readonly clock: Clock };
  readonly #stop: () => void;
  #toldMs = -Infinity;
  #told: number | undefined;

  constructor(
    parts: { readonly drain: Drain; readonly log: Logger; readonly clock: Clock },
    stop: () => void,
  ) {
    this.#parts = parts;
    this.#stop = stop;
  }

  /** Look how it goes; to be called a few times a second. */
  look(): void {
    const { drain, log } = this.#parts;
    const verdict = drain.verdict();
    if (verdict === "off") return;
    const callsLeft = drain.view()?.callsLeft;
    if (verdict === "waits") return this.#tell(callsLeft);
    log.info(verdict === "empty" ? "Drained: no call is left" : "The time to drain is over", {
      callsLeft,
    });
    this.#stop();
  }

  #tell(callsLeft: number | undefined): void {
    const { log, clock } = this.#parts;
    if (callsLeft === this.#told || clock.now() - this.#toldMs < TELL_MS) return;
    this.#told = callsLeft;
    this.#toldMs = clock.now();
    log.info("Draining", { callsLeft });
  }
}
