import { cString, errno, errorText, libc } from "../base/libc.ts";
import { absentModuleText } from "./installed.ts";
import { ANSWER, ANSWER_BYTES, Answers, BATCH_MAX, type Fault, REQUEST_BYTES } from "./wire.ts";

/** The device of the kernel module. */
export const DEVICE = "/dev/lrkproxy";

const O_RDWR_NONBLOCK_CLOEXEC = 2 | 0o4000 | 0o2000000;
const ENOENT = 2;
const EINTR = 4;
const ENXIO = 6;
const EAGAIN = 11;
const ENODEV = 19;

/** There is no module to speak to; the message says why. */
export class DeviceAbsent extends Error {}

/**
 * An open device. It keeps the module from being unloaded, so it is open for a transaction only, and
 * closed with it. It speaks of the network namespace that this thread is in.
 */
export class Device implements Disposable {
  readonly #fd: number;
  /** Answers of the largest write; shared, since nobody waits between write and read. */
  static #buffer: Uint8Array<ArrayBuffer> | null = null;

  /** Throws {@link DeviceAbsent}. */
  constructor(path = DEVICE) {
    this.#fd = libc().open(cString(path), O_RDWR_NONBLOCK_CLOEXEC);
    if (this.#fd < 0) throw new DeviceAbsent(absence(path, errno()));
  }

  /** Write records, all of them done or none; null, or what is wrong with them. */
  write(bytes: Uint8Array<ArrayBuffer>): Fault | null {
    if (bytes.length > BATCH_MAX * REQUEST_BYTES) throw new RangeError("Too many requests at once");
    for (;;) {
      const written = Number(libc().write(this.#fd, bytes, BigInt(bytes.length)));
      if (written === bytes.length) return null;
      const code = written < 0 ? errno() : 0;
      if (code === EINTR) continue;
      const answers = this.read(1);
      if (answers.count === 1 && answers.type(0) === ANSWER.error) return answers.fault(0);
      throw new Error(`Cannot write to ${DEVICE}: ${errorText(code)}`);
    }
  }

  /** The answers to the last write, `most` at most. Valid until the next call. */
  read(most: number): Answers {
    const room = Math.min(most, BATCH_MAX) * ANSWER_BYTES;
    if ((Device.#buffer?.length ?? 0) < room) Device.#buffer = new Uint8Array(room);
    const buffer = (Device.#buffer ?? new Uint8Array()).subarray(0, room);
    let length = 0;
    while (length < room) {
      const rest = buffer.subarray(length);
      const got = Number(libc().read(this.#fd, rest, BigInt(rest.length)));
      if (got > 0) length += got;
      else if (got === 0 || errno() === EAGAIN) break;
      else if (errno() !== EINTR) {
        throw new Error(`Cannot read from ${DEVICE}: ${errorText(errno())}`);
      }
    }
    return new Answers(buffer.subarray(0, length));
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

function absence(path: string, code: number): string {
  if (code === ENOENT || code === ENXIO || code === ENODEV) {
    return absentModuleText();
  }
  return `Cannot open ${path}: ${errorText(code)}`;
}
