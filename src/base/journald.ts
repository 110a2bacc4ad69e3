/**
 * The journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an entry, with
 * fields that `journalctl CALL_ID=...` finds. It never waits: what the journal has no room for is
 * counted and told later.
 */
import { joinBytes } from "./bytes.ts";
import { errno, libc, systemError } from "./libc.ts";

/** Where the journal takes entries. */
export const JOURNAL_SOCKET = "/run/systemd/journal/socket";
const IDENTIFIER = "lrkproxy";

/** What an entry is made of; a value that is null or undefined is left out. */
export interface JournalEntry {
  /** A syslog(3) priority. */
  readonly priority: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Takes datagrams. */
export interface DatagramOutlet {
  /** `full`: there is no room now. `unusable`: nobody takes it, or it is too large. */
  send(datagram: Uint8Array<ArrayBuffer>): "sent" | "full" | "unusable";
}

const encoder = new TextEncoder();

/** An entry as a datagram. Whatever a value holds, it makes no other field. */
export function encodeEntry({ priority, message, fields }: JournalEntry): Uint8Array<ArrayBuffer> {
  const parts = [
    encodeField("MESSAGE", message),
    encodeField("PRIORITY", String(priority)),
    encodeField("SYSLOG_IDENTIFIER", IDENTIFIER),
  ];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    parts.push(encodeField(fieldName(name), String(value)));
  }
  return joinBytes(parts);
}

/** The name of a log line's field in the journal: `callerPackets` is `CALLER_PACKETS`. */
export function fieldName(name: string): string {
  if (name === "call") return "CALL_ID";
  return name.replace(/[A-Z]/g, "_$&").toUpperCase().replace(/[^A-Z0-9]+/g, "_")
    .replace(/^[_0-9]+/, "").slice(0, 64);
}

/** `NAME=value`, or, where the value would end its line, name, length and bytes. */
function encodeField(name: string, value: string): Uint8Array {
  // deno-lint-ignore no-control-regex
  if (!/[\x00-\x1f]/.test(value)) return encoder.encode(`${name}=${value}\n`);
  const bytes = encoder.encode(value);
  const length = new Uint8Array(BigUint64Array.of(BigInt(bytes.length)).buffer);
  return joinBytes([encoder.encode(`${name}\n`), length, bytes, encoder.encode("\n")]);
}

/** Writes entries, and how many were lost to a full journal once it has room again. */
export class JournalWriter {
  readonly #outlet: DatagramOutlet;
  #lost = 0;

  constructor(outlet: DatagramOutlet) {
    this.#outlet = outlet;
  }

  /** Write an entry. False if the journal cannot take this one, so that it may go elsewhere. */
  write(entry: JournalEntry): boolean {
    if (this.#lost > 0) this.#tellOfLost();
    const outcome = this.#outlet.send(encodeEntry(entry));
    if (outcome === "full") this.#lost++;
    return outcome !== "unusable";
  }

  #tellOfLost(): void {
    const fields = { lost: this.#lost };
    const message = `Log lines lost: the journal had no room lost=${this.#lost}`;
    if (this.#outlet.send(encodeEntry({ priority: 4, message, fields })) === "sent") this.#lost = 0;
  }
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Datagrams to a UNIX socket, sent without waiting; it need not be there yet. Throws without memory. */
export function openOutlet(path = JOURNAL_SOCKET): DatagramOutlet & Disposable {
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a UNIX socket");
  const address = Uint8Array.of(AF_UNIX, 0, ...encoder.encode(path), 0);
  return {
    send(datagram) {
      const length = BigInt(datagram.length);
      const { sendto } = libc();
      if (sendto(fd, datagram, length, MSG_DONTWAIT_NOSIGNAL, address, address.length) >= 0) {
        return "sent";
      }
      const code = errno();
      return code === EAGAIN || code === ENOBUFS ? "full" : "unusable";
    },
    [Symbol.dispose]: () => void libc().close(fd),
  };
}

/** Lines to a stream socket, without waiting: what it has no room for is left out, line by line. */
export class LineStream {
  readonly #send: (bytes: Uint8Array<ArrayBuffer>) => number;
  /** What is left of a line that was begun. */
  #rest = new Uint8Array();
  #lost = 0;

  /** `send` takes as many bytes as there is room for, and says how many. */
  constructor(send: (bytes: Uint8Array<ArrayBuffer>) => number) {
    this.#send = send;
  }

  /** Write a line that ends in a line break. */
  write(line: string): void {
    this.#rest = this.#sent(this.#rest);
    if (this.#rest.length > 0) return void this.#lost++;
    const gap = this.#lost > 0
      ? `<4>Log lines lost: the journal had no room lost=${this.#lost}\n`
      : "";
    const bytes = encoder.encode(gap + line);
    const rest = this.#sent(bytes);
    if (rest.length === bytes.length) return void this.#lost++;
    this.#lost = 0;
    this.#rest = rest;
  }

  #sent(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return bytes.length === 0 ? bytes : bytes.subarray(Math.max(0, this.#send(bytes)));
  }
}

/** Lines to the socket that is file descriptor `fd`. */
export function socketLines(fd: number): LineStream {
  return new LineStream((bytes) =>
    Number(libc().send(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT_NOSIGNAL))
  );
}

/**
 * Whether the journal reads a file descriptor: sd-daemon(3), `JOURNAL_STREAM` is device and inode of
 * the socket. A program that was given another stderr inherits the variable all the same.
 */
export function isJournalStream(fd: number, journalStream: string | undefined): boolean {
  if (journalStream === undefined) return false;
  const status = new Uint8Array(256);
  if (libc().fstat(fd, status) !== 0) return false;
  const view = new DataView(status.buffer);
  return journalStream === `${view.getBigUint64(0, true)}:${view.getBigUint64(8, true)}`;
}
