/** A run that would follow the one before within this part of the period is left out. */
const LEAST_GAP = 0.25;

/**
 * Run `task` at the start, and then whenever the process's clock passes a multiple of `periodMs`,
 * until `signal` aborts: loops of periods that divide each other wake the process together. A run
 * that takes longer than the period delays the next. What it throws goes to `onError`, and the loop
 * goes on.
 */
export async function every(
  periodMs: number,
  signal: AbortSignal,
  { task, onError }: {
    readonly task: () => void | Promise<void>;
    readonly onError: (error: unknown) => void;
  },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task();
    } catch (error) {
      onError(error);
    }
    await pause(untilNext(periodMs, performance.now()), signal);
  }
}

/** Milliseconds from `nowMs` to the next multiple of a period that is not too near. */
export function untilNext(periodMs: number, nowMs: number): number {
  const waitMs = periodMs - nowMs % periodMs;
  return Math.ceil(waitMs < periodMs * LEAST_GAP ? waitMs + periodMs : waitMs);
}

/** Wait, or stop waiting when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
