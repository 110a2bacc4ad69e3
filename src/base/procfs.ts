import { cString, libc } from "./libc.ts";

/*
 * Reading below /proc and /sys, which Deno allows only to a program that may do everything. What
 * cannot be read is null: the caller knows what it means.
 */

const O_RDONLY_CLOEXEC = 0o2000000;
const O_DIRECTORY = 0o200000;
const CHUNK_BYTES = 65536;
/** More than any file that people look at; a table of connections may be larger. */
const LIMIT_BYTES = 8 << 20;

/** The text of a file of any size up to `limitBytes`: /proc hands out a page or so at a time. */
export function readProcFile(path: string, limitBytes = LIMIT_BYTES): string | null {
  const fd = libc().open(cString(path), O_RDONLY_CLOEXEC);
  if (fd < 0) return null;
  try {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(CHUNK_BYTES);
    let text = "";
    for (let total = 0; total < limitBytes;) {
      const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
      if (length < 0) return null;
      if (length === 0) break;
      total += length;
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
    return text;
  } finally {
    libc().close(fd);
  }
}

/** The names in a folder, without `.` and `..`. */
export function listFolder(path: string): readonly string[] | null {
  const fd = libc().open(cString(path), O_RDONLY_CLOEXEC | O_DIRECTORY);
  if (fd < 0) return null;
  try {
    const names: string[] = [];
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const length = Number(libc().getdents64(fd, buffer, BigInt(buffer.length)));
      if (length < 0) return null;
      if (length === 0) return names.filter((name) => name !== "." && name !== "..");
      names.push(...entryNames(buffer.subarray(0, length)));
    }
  } finally {
    libc().close(fd);
  }
}

/** The names in what getdents64(2) fills in: inode, offset, length of the record, type, name. */
function entryNames(bytes: Uint8Array): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const names: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint16(at + 16, true);
    const name = bytes.subarray(at + 19, at + length);
    names.push(new TextDecoder().decode(name.subarray(0, name.indexOf(0))));
    at += length;
  }
  return names;
}

/** Where a symbolic link points to. */
export function readLink(path: string): string | null {
  const buffer = new Uint8Array(4096);
  const length = Number(libc().readlink(cString(path), buffer, BigInt(buffer.length)));
  return length < 0 ? null : new TextDecoder().decode(buffer.subarray(0, length));
}

/** What the kernel knows of its clock (adjtimex(2)). */
export interface KernelClock {
  readonly synchronised: boolean;
  /** The largest error that the kernel reckons with. */
  readonly maxErrorSeconds: number;
}

const TIMEX_BYTES = 208;
const TIMEX_MAXERROR = 24;
const TIMEX_STATUS = 40;
const STA_UNSYNC = 0x40;

/** Ask the kernel about its clock, changing nothing; null where it does not tell. */
export function kernelClock(): KernelClock | null {
  const timex = new Uint8Array(TIMEX_BYTES);
  if (libc().adjtimex(timex) < 0) return null;
  const view = new DataView(timex.buffer);
  const maxErrorSeconds = Number(view.getBigInt64(TIMEX_MAXERROR, true)) / 1e6;
  const synchronised = (view.getInt32(TIMEX_STATUS, true) & STA_UNSYNC) === 0;
  return { synchronised, maxErrorSeconds };
}
