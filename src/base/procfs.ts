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

const O_PATH_CLOEXEC = 0o12000000;
/** `struct stat` of 64-bit Linux: device and inode come first, st_mtim is at 88 on all of them. */
const STAT_BYTES = 256;
const STAT_MTIME = 88;

/** What tells one file from another, by whichever path, and when it was written. */
export interface FileStamp {
  readonly identity: string;
  readonly modifiedMs: number;
}

/** The stamp of a file of any kind, a socket too; null if there is none to be seen. */
export function fileStamp(path: string): FileStamp | null {
  const fd = libc().open(cString(path), O_PATH_CLOEXEC);
  if (fd < 0) return null;
  try {
    const view = new DataView(new ArrayBuffer(STAT_BYTES));
    if (libc().fstat(fd, new Uint8Array(view.buffer)) !== 0) return null;
    const seconds = Number(view.getBigInt64(STAT_MTIME, true));
    return {
      identity: `${view.getBigUint64(0, true)}:${view.getBigUint64(8, true)}`,
      modifiedMs: seconds * 1000 + Number(view.getBigInt64(STAT_MTIME + 8, true)) / 1e6,
    };
  } finally {
    libc().close(fd);
  }
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
