/**
 * What bytes can be written to: a file, stderr, a test's memory. It may take fewer than it is
 * given.
 */
export interface ByteWriter {
  writeSync(bytes: Uint8Array): number;
}

/** The part of `Deno.FsFile` that is used. */
export interface AppendedFile extends ByteWriter {
  close(): void;
}

const FLUSH_AFTER_MS = 1000;
const FLUSH_AT_CHARACTERS = 64 * 1024;

/**
 * A file that lines are appended to. They are kept back for at most a second and never synced to
 * the disk: a full or slow disk costs lines, not calls. How many were lost is said where they lack.
 */
export class LogFile implements Disposable {
  readonly #path: string;
  readonly #stderr: ByteWriter;
  readonly #open: (path: string) => AppendedFile;
  #file: AppendedFile;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lostLines = 0;

  /** Throws when the file cannot be opened; `stderr` hears of it when it takes no more lines. */
  constructor(path: string, stderr: ByteWriter, open = openForAppend) {
    this.#path = path;
    this.#stderr = stderr;
    this.#open = open;
    this.#file = open(path);
  }

  /** Append a line that ends in a line break; an urgent one goes out at once. */
  write(line: string, { urgent }: { readonly urgent: boolean }): void {
    this.#waiting.push(line);
    this.#waitingCharacters += line.length;
    if (urgent || this.#waitingCharacters >= FLUSH_AT_CHARACTERS) return this.flush();
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), FLUSH_AFTER_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** Go on in a new file of the same name. When that throws, the old file stays in use. */
  reopen(): void {
    this.flush();
    const next = this.#open(this.#path);
    this.#file.close();
    this.#file = next;
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#file.close();
  }

  /** Write down what is kept back. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#waitingCharacters = 0;
    if (lines.length > 0) this.#append(lines);
  }

  #append(lines: readonly string[]): void {
    const gap = this.#lostLines > 0 ? `(${this.#lostLines} lines lost)\n` : "";
    try {
      writeAll(this.#file, gap + lines.join(""));
      this.#lostLines = 0;
    } catch (error) {
      if (this.#lostLines === 0) this.#complain(error);
      this.#lostLines += lines.length;
    }
  }

  #complain(error: unknown): void {
    try {
      writeAll(this.#stderr, `Cannot write log ${this.#path}: ${reasonOf(error)}\n`);
    } catch {
      // Neither place takes a line: there is nobody left to tell.
    }
  }
}

/** Write all of a text, however little the writer takes at a time. */
export function writeAll(writer: ByteWriter, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(writer.writeSync(bytes));
}

function openForAppend(path: string): AppendedFile {
  try {
    return openOrCreate(path);
  } catch (cause) {
    throw new Error(`Cannot open log ${path}: ${reasonOf(cause)}`, { cause });
  }
}

function openOrCreate(path: string): AppendedFile {
  const options: Deno.OpenOptions = { append: true, create: true, mode: 0o640 };
  try {
    return Deno.openSync(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/") + 1), { recursive: true });
    return Deno.openSync(path, options);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
