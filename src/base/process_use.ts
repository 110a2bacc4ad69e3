import { libc, readSmallFile } from "./libc.ts";

/** Files are looked for up to this one; a daemon has some dozens. */
const HIGHEST_FD = 4096;
/** `struct pollfd`: the descriptor, what is asked of it, what is answered. */
const POLLFD_BYTES = 8;
const POLLNVAL = 0x20;
/** USER_HZ, in which /proc counts time on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** How many files and sockets this process has open; null if the system does not tell. */
export function openFiles(most = maxFiles() ?? HIGHEST_FD): number | null {
  const count = Math.min(most, HIGHEST_FD);
  const view = new DataView(new ArrayBuffer(count * POLLFD_BYTES));
  for (let fd = 0; fd < count; fd++) view.setInt32(fd * POLLFD_BYTES, fd, true);
  // One call tells all of them apart: those that are not open are not valid.
  if (libc().poll(new Uint8Array(view.buffer), BigInt(count), 0) < 0) return null;
  let open = 0;
  for (let fd = 0; fd < count; fd++) {
    if (!(view.getInt16(fd * POLLFD_BYTES + 6, true) & POLLNVAL)) open++;
  }
  return open;
}

/** How many files and sockets this process may have open; null if that is not known. */
export function maxFiles(): number | null {
  const limit = /^Max open files +(\d+)/m.exec(readSmallFile("/proc/self/limits") ?? "")?.[1];
  return limit === undefined ? null : Number(limit);
}

/** CPU time that this process has used, in seconds, to 10 ms. */
export function cpuSeconds(): number {
  const stat = readSmallFile("/proc/self/stat") ?? "";
  // The name of the program, in parentheses, may hold anything; utime and stime are fields 14, 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS_PER_SECOND;
}
