/** Waiting for what a test expects, with a deadline; nothing in these tests sleeps for a while. */

/** Deadlines are so many times as long; for machines that are slow because they are virtual. */
const PATIENCE = Number(Deno.env.get("LRK_TEST_PATIENCE") ?? 1);

type Present<T> = Exclude<T, false | null | undefined>;

/** Look again and again until `look` answers with something. Throws when the deadline has passed. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = 5000,
): Promise<Present<T>> {
  const deadline = performance.now() + withinMs * PATIENCE;
  for (;;) {
    const seen = await look();
    if (seen !== false && seen !== null && seen !== undefined) return seen as Present<T>;
    if (performance.now() > deadline) {
      throw new Error(`Not within ${withinMs * PATIENCE} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The value of `promise`, or an error when it takes longer than the deadline. */
export async function within<T>(what: string, promise: Promise<T>, withinMs = 5000): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const expire = (): void => reject(new Error(`Not within ${withinMs * PATIENCE} ms: ${what}`));
    timer = setTimeout(expire, withinMs * PATIENCE);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
