/**
 * Run `task` about every `periodMs` until `signal` aborts; a run that takes longer delays the next.
 * What it throws goes to `onError`, and the loop goes on.
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
    await pause(periodMs, signal);
  }
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
