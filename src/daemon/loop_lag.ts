import { Histogram } from "../base/histogram.ts";
import { pause } from "../base/loop.ts";

const PERIOD_MS = 100;
/** Upper bounds in seconds; timers themselves are exact to about a millisecond. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Sees how long the event loop keeps a timer waiting, as it would a request. */
export class LoopLag {
  readonly histogram = new Histogram(BOUNDS);

  /** Look until `signal` aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const dueMs = performance.now() + PERIOD_MS;
      await pause(PERIOD_MS, signal);
      if (!signal.aborted) this.note(performance.now() - dueMs);
    }
  }

  /** Count a timer that came so late. */
  note(lateMs: number): void {
    this.histogram.observe(Math.max(0, lateMs) / 1000);
  }
}
