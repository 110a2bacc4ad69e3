/** Where time comes from, so that everything that reads it can be tested without waiting. */
export interface Clock {
  /**
   * Whole milliseconds on a clock that never jumps; its zero means nothing. A fraction would make
   * each of the many times that are kept an object of its own.
   */
  now(): number;
  /** Milliseconds since 1970, for what outlives the process. */
  epoch(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.now()),
  epoch: () => Date.now(),
};

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #elapsedMs = 0;

  /** `startEpochMs` is the wall-clock time at which the manual clock begins. */
  constructor(readonly startEpochMs = 1_700_000_000_000) {}

  now(): number {
    return this.#elapsedMs;
  }

  epoch(): number {
    return this.startEpochMs + this.#elapsedMs;
  }

  /** Let `ms` milliseconds pass. */
  advance(ms: number): void {
    this.#elapsedMs += ms;
  }
}
