/** Takes bytes without holding up the event loop, perhaps fewer than it is given. */
export interface BackgroundWriter {
  write(bytes: Uint8Array): Promise<number>;
}

/** What a {@link LineQueue} needs to know of where its lines go. */
export interface LineQueueOptions {
  readonly writer: BackgroundWriter;
  /** The line that says how many were lost. */
  readonly gap: (lost: number) => string;
  /** Told when lines cannot be written, once until some can. */
  readonly onFailure?: (error: unknown) => void;
}

/** What waits at most, in characters: a burst finds room, and a reader that is gone costs no more. */
const ROOM = 256 * 1024;
/** How long the last lines may take. */
const PATIENCE_MS = 500;

interface Entry {
  readonly text: string;
  /** How many lines are lost with it: itself, and those that it tells of. */
  readonly lines: number;
}

/**
 * Lines on their way to something that may block: a pipe that nobody reads, a terminal that is
 * stopped, a disk that hangs. One write is under way at a time, in a thread of the runtime; lines wait
 * for it, and those that find no room are dropped and counted. So no flag of a descriptor has to be
 * changed that other processes share.
 */
export class LineQueue {
  readonly #options: LineQueueOptions;
  #waiting: Entry[] = [];
  #characters = 0;
  #lost = 0;
  #isFailing = false;
  #writing: Promise<void> | null = null;

  constructor(options: LineQueueOptions) {
    this.#options = options;
  }

  /** How much waits. */
  get characters(): number {
    return this.#characters;
  }

  /** Add a line that ends in a line break; it goes out with the next {@link flush}. */
  add(line: string): void {
    const text = this.#lost > 0 ? this.#options.gap(this.#lost) + line : line;
    if (this.#characters + text.length > ROOM) return void this.#lost++;
    this.#waiting.push({ text, lines: this.#lost + 1 });
    this.#characters += text.length;
    this.#lost = 0;
  }

  /** Begin to write what waits. */
  flush(): void {
    if (this.#waiting.length > 0) this.#writing ??= this.#writeAll();
  }

  /** Write what waits, and wait for that, but not for long; whether all is written. */
  async settle(patienceMs = PATIENCE_MS): Promise<boolean> {
    this.flush();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), patienceMs);
    });
    const done = (this.#writing ?? Promise.resolve()).then(() => true);
    try {
      return await Promise.race([done, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const entries = this.#waiting;
      this.#waiting = [];
      this.#characters = 0;
      try {
        await writeAll(this.#options.writer, entries.map(({ text }) => text).join(""));
        this.#isFailing = false;
      } catch (error) {
        this.#lost += entries.reduce((sum, { lines }) => sum + lines, 0);
        if (!this.#isFailing) this.#options.onFailure?.(error);
        this.#isFailing = true;
      }
    }
    // At once: what is added from here on needs another flush.
    this.#writing = null;
  }
}

async function writeAll(writer: BackgroundWriter, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await writer.write(bytes));
}
