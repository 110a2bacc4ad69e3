import { type BackgroundWriter, LineQueue } from "./line_queue.ts";

/** The part of `Deno.FsFile` that is used. */
export interface AppendedFile extends BackgroundWriter {
  close(): void;
}

const FLUSH_AFTER_MS = 1000;
const FLUSH_AT_CHARACTERS = 64 * 1024;

/** A file, and the lines on their way to it. */
interface Page {
  readonly file: AppendedFile;
  readonly lines: LineQueue;
}

/**
 * A file that lines are appended to. They are kept back for at most a second and never synced to
 * the disk: a full, slow or hanging disk costs lines, not calls. How many were lost is said where
 * they lack.
 */
export class LogFile implements AsyncDisposable {
  readonly #path: string;
  readonly #complain: (line: string) => void;
  readonly #open: (path: string) => AppendedFile;
  #page: Page;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The end of those before it. */
  #ended: Promise<unknown> = Promise.resolve();

  /** Throws when the file cannot be opened; `complain` is told when it takes no more lines. */
  constructor(path: string, complain: (line: string) => void, open = openForAppend) {
    this.#path = path;
    this.#complain = complain;
    this.#open = open;
    this.#page = this.#newPage();
  }

  /** Append a line that ends in a line break; an urgent one goes out at once. */
  write(line: string, { urgent }: { readonly urgent: boolean }): void {
    const { lines } = this.#page;
    lines.add(line);
    if (urgent || lines.characters >= FLUSH_AT_CHARACTERS) return this.flush();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), FLUSH_AFTER_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Go on in a new file of the same name. When that throws, the old file stays in use. */
  reopen(): void {
    const next = this.#newPage();
    this.#ended = Promise.all([this.#ended, end(this.#page)]);
    this.#page = next;
  }

  /** Write down what is kept back. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#page.lines.flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all([this.#ended, end(this.#page)]);
  }

  #newPage(): Page {
    const file = this.#open(this.#path);
    const lines = new LineQueue({
      writer: file,
      gap: (lost) => `(${lost} lines lost)\n`,
      onFailure: (error) => this.#complain(`Cannot write log ${this.#path}: ${reasonOf(error)}\n`),
    });
    return { file, lines };
  }
}

async function end({ file, lines }: Page): Promise<void> {
  await lines.settle();
  file.close();
}

function openForAppend(path: string): AppendedFile {
  try {
    return openOrCreate(path);
  } catch (cause) {
    throw new Error(`Cannot open log ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function openOrCreate(path: string): AppendedFile {
  // Only for reading too does a FIFO open before it has a reader.
  const options = { append: true, create: true, mode: 0o640, read: isFifo(path) };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/") + 1), { recursive: true });
    return Deno.openSync(path, options);
  }
}

function isFifo(path: string): boolean {
  try {
    return Deno.statSync(path).isFifo === true;
  } catch {
    // It is made when it is opened, or that says what is wrong.
    return false;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
