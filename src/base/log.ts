/**
 * The log: one line an event, `text key=value key="quoted value"`, to stderr and to a file. Levels
 * and dispatch are LogTape's, the sinks are our own: its file sink syncs every line to disk, which
 * stalls the event loop for as long as a hundred requests take.
 */
import { configureSync, getLogger, type LogRecord, resetSync, type Sink } from "@logtape/logtape";
import type { Clock } from "./clock.ts";
import {
  isJournalStream,
  type JournalEntry,
  JournalWriter,
  openOutlet,
  socketLines,
} from "./journald.ts";
import { LineQueue } from "./line_queue.ts";
import { LogFile } from "./log_file.ts";

/** From the most talkative to the least. */
export type LogLevel = "debug" | "info" | "warning" | "error";

/** What a line says besides its text. A field that is undefined is left out. */
export type Fields = Readonly<
  Record<string, string | number | bigint | boolean | null | undefined>
>;

/** Where lines go; `file` null and `console` false is silence. */
export interface LogOptions {
  readonly file: string | null;
  readonly console: boolean;
  readonly level: LogLevel;
}

/**
 * What parts of the program log with. Messages are fixed text; what varies goes into the fields.
 */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** The log as its owner holds it. */
export interface OpenLog extends Logger, AsyncDisposable {
  /** Go on in a new file of the same name, after the old one was renamed (log rotation, SIGHUP). */
  reopen(): void;
  /** Get ready to go on with other options. Throws when their file cannot be opened. */
  prepare(options: LogOptions): PreparedLog;
}

/** A log that is ready for other options. */
export interface PreparedLog {
  /** Go on with them, in a new file also if its name is the same. */
  commit(): void;
  /** Leave all as it is. */
  abort(): void;
}

/** Where console lines go; `journald` says that the journal reads it. Nothing here waits. */
export interface ConsoleStream {
  readonly journald: boolean;
  /** Take a line that ends in a line break. */
  writeLine(line: string): void;
  /** Wait until the lines are written, but not for long. */
  settle?(): Promise<unknown>;
  /** Takes entries with their fields; false for one that it cannot take. */
  readonly journal?: { write(entry: JournalEntry): boolean };
}

/** Where lines go at the moment. */
interface Target {
  options: LogOptions;
  file: LogFile | null;
  /** The end of the files before it. */
  ended: Promise<unknown>;
}

/**
 * Open the process's log: there is one at a time. Throws when the file cannot be opened.
 *
 * @example
 * ```ts
 * await using log = openLog({ file: null, console: true, level: "warning" });
 * log.info("Session opened", { call: "a84b4c76e66710", port: 20000 });
 * ```
 */
export function openLog(options: LogOptions, stream: ConsoleStream = stderrStream()): OpenLog {
  const target: Target = {
    options,
    file: openFile(options.file, stream),
    ended: Promise.resolve(),
  };
  const write = (record: LogRecord): void => {
    if (target.options.console) writeConsole(stream, record);
    if (target.file) writeFile(target.file, record);
  };
  // LogTape disposes of its sinks when it is configured anew.
  const sink = Object.assign(write, { [Symbol.dispose]: () => target.file?.flush() });
  configure(sink, options.level);
  return logOver(target, { sink, stream });
}

function openFile(path: string | null, stream: ConsoleStream): LogFile | null {
  return path === null ? null : new LogFile(path, (line) => stream.writeLine(line));
}

function configure(sink: Sink, level: LogLevel): void {
  configureSync({
    reset: true,
    sinks: { sink },
    loggers: [
      { category: "lrkproxy", sinks: ["sink"], lowestLevel: level },
      { category: ["logtape", "meta"], sinks: ["sink"], lowestLevel: "error" },
    ],
  });
}

function writeFile(file: LogFile, record: LogRecord): void {
  file.write(`${timed(record)}\n`, { urgent: PRIORITY[record.level] <= PRIORITY.warning });
}

function logOver(
  target: Target,
  { sink, stream }: { readonly sink: Sink; readonly stream: ConsoleStream },
): OpenLog {
  const logger = getLogger("lrkproxy");
  const reopen = (): void => {
    try {
      target.file?.reopen();
    } catch (error) {
      logger.error("Going on in the old log file", { reason: String(error) });
    }
  };
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    reopen,
    prepare(options) {
      const { file: old } = target;
      const isSame = options.file === target.options.file;
      const file = isSame ? old : openFile(options.file, stream);
      return {
        commit() {
          Object.assign(target, { options, file });
          configure(sink, options.level);
          if (isSame) reopen();
          else target.ended = Promise.all([target.ended, old?.[Symbol.asyncDispose]()]);
        },
        abort() {
          if (!isSame) void file?.[Symbol.asyncDispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      resetSync();
      const { file, ended } = target;
      target.file = null;
      await Promise.all([ended, file?.[Symbol.asyncDispose]()]);
      await stream.settle?.();
    },
  };
}

function stderrStream(): ConsoleStream {
  if (!isJournalStream(2, Deno.env.get("JOURNAL_STREAM"))) return plainStderr();
  const lines = socketLines(2);
  return {
    journald: true,
    journal: new JournalWriter(openOutlet()),
    writeLine: (line) => lines.write(line),
  };
}

/** A terminal, or a pipe to a container's log driver: either may stop to take lines. */
function plainStderr(): ConsoleStream {
  const lines = new LineQueue({
    writer: Deno.stderr,
    gap: (lost) =>
      `${new Date().toISOString()} WARNING Log lines lost: stderr had no room lost=${lost}\n`,
  });
  return {
    journald: false,
    writeLine(line) {
      lines.add(line);
      lines.flush();
    },
    settle: () => lines.settle(),
  };
}

function writeConsole(stream: ConsoleStream, record: LogRecord): void {
  const priority = PRIORITY[record.level];
  const message = stream.journald ? formatRecord(record) : timed(record);
  if (stream.journal?.write({ priority, message, fields: record.properties })) return;
  const line = stream.journald ? `<${priority}>${message}` : message;
  stream.writeLine(`${line}\n`);
}

/** syslog(3) priorities. */
const PRIORITY = { trace: 7, debug: 7, info: 6, warning: 4, error: 3, fatal: 2 } as const;

function timed(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  return `${time} ${record.level.toUpperCase()} ${formatRecord(record)}`;
}

function formatRecord(record: LogRecord): string {
  let line = escaped(String(record.rawMessage));
  for (const [key, value] of Object.entries(record.properties)) {
    if (value !== undefined) line += ` ${key}=${formatValue(String(value))}`;
  }
  return line;
}

function formatValue(value: string): string {
  return /^[^\s"=\\]+$/.test(value) && escaped(value) === value
    ? value
    : `"${escaped(value.replace(/["\\]/g, "\\$&"))}"`;
}

// Call-IDs and other text from the network reach the log: nothing in them may end a line, move a
// terminal's cursor, or turn the order of the characters around (\p{C} holds the bidi controls).
function escaped(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}

/**
 * Let at most `burst` events through at once, and as many again over `perSeconds` seconds. What
 * comes through learns how many were held back since the one before it: undefined if none, so that
 * it can be logged as a field.
 *
 * @example
 * ```ts
 * import { systemClock } from "./clock.ts";
 *
 * await using log = openLog({ file: null, console: true, level: "error" });
 * const refusals = rateLimited(systemClock, { perSeconds: 60, burst: 5 });
 * refusals((suppressed) => log.warn("Refused a datagram", { peer: "192.0.2.66", suppressed }));
 * ```
 */
export function rateLimited(
  clock: Clock,
  { perSeconds, burst }: { readonly perSeconds: number; readonly burst: number },
): (event: (suppressed: number | undefined) => void) => void {
  let tokens = burst;
  let refilledAt = clock.now();
  let suppressed = 0;
  return (event) => {
    const now = clock.now();
    tokens = Math.min(burst, tokens + ((now - refilledAt) * burst) / (perSeconds * 1000));
    refilledAt = now;
    if (tokens < 1) {
      suppressed++;
      return;
    }
    tokens--;
    event(suppressed === 0 ? undefined : suppressed);
    suppressed = 0;
  };
}
