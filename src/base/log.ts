/**
 * The log: one line an event, `text key=value key="quoted value"`, to stderr and to a file. Levels
 * and dispatch are LogTape's, the sinks are our own: its file sink syncs every line to disk, which
 * stalls the event loop for as long as a hundred requests take.
 */
import { configureSync, getLogger, type LogRecord, resetSync, type Sink } from "@logtape/logtape";
import type { Clock } from "./clock.ts";
import { type ByteWriter, LogFile, writeAll } from "./log_file.ts";

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
}

/** The stream that console lines go to; `journald` says that the journal reads it. */
export interface ConsoleStream extends ByteWriter {
  readonly journald: boolean;
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
  const file = options.file === null ? null : new LogFile(options.file, stream);
  const sinks: Record<string, Sink> = {};
  if (options.console) sinks["console"] = (record) => writeConsole(stream, record);
  if (file !== null) sinks["file"] = fileSink(file);
  configureSync({
    sinks,
    loggers: [
      { category: "lrkproxy", sinks: Object.keys(sinks), lowestLevel: options.level },
      { category: ["logtape", "meta"], sinks: Object.keys(sinks), lowestLevel: "error" },
    ],
  });
  return logOver(file);
}

// LogTape disposes of its sinks at the end of the process too: the file is flushed on Deno.exit().
function fileSink(file: LogFile): Sink & Disposable {
  const write = (record: LogRecord) => {
    const urgent = PRIORITY[record.level] <= PRIORITY.warning;
    file.write(`${timed(record)}\n`, { urgent });
  };
  return Object.assign(write, { [Symbol.dispose]: () => file[Symbol.dispose]() });
}

function logOver(file: LogFile | null): OpenLog {
  const logger = getLogger("lrkproxy");
  return {
    debug: (message, fields = {}) => logger.debug(message, fields),
    info: (message, fields = {}) => logger.info(message, fields),
    warn: (message, fields = {}) => logger.warn(message, fields),
    error: (message, fields = {}) => logger.error(message, fields),
    reopen() {
      try {
        file?.reopen();
      } catch (error) {
        logger.error("Going on in the old log file", { reason: String(error) });
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(resetSync()),
  };
}

// sd-daemon(3): systemd sets JOURNAL_STREAM; a terminal opened from such a unit inherits it.
function stderrStream(): ConsoleStream {
  return {
    journald: Deno.env.get("JOURNAL_STREAM") !== undefined && !Deno.stderr.isTerminal(),
    writeSync: (bytes) => Deno.stderr.writeSync(bytes),
  };
}

function writeConsole(stream: ConsoleStream, record: LogRecord): void {
  const line = stream.journald
    ? `<${PRIORITY[record.level]}>${formatRecord(record)}`
    : timed(record);
  try {
    writeAll(stream, `${line}\n`);
  } catch {
    // Nobody reads stderr any more (a closed pipe). That is no reason to end calls.
  }
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
