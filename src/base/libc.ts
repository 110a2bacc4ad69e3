/*
 * The few calls of libc that Deno has no name for: netlink sockets, socket options, and files below
 * /proc, which Deno opens only for a program that may do everything.
 */

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "isize" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  fstat: { parameters: ["i32", "buffer"], result: "i32" },
  setns: { parameters: ["i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // In a thread of its own, so that the event loop goes on. What it is given must not be on V8's heap.
  pollInThread: {
    name: "poll",
    parameters: ["buffer", "usize", "i32"],
    result: "i32",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  getaddrinfo: {
    parameters: ["buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  freeaddrinfo: { parameters: ["usize"], result: "void" },
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  adjtimex: { parameters: ["buffer"], result: "i32" },
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
  // From an address that another structure holds.
  copyFrom: { name: "memcpy", parameters: ["buffer", "usize", "usize"], result: "usize" },
  // Moving nothing answers with where the buffer lies, which else takes an unbounded permission.
  addressOf: { name: "memmove", parameters: ["buffer", "buffer", "usize"], result: "usize" },
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Where the C library lies: Debian's multi-arch folders, then Fedora's and RHEL's. */
const LIBC_PATHS: readonly string[] = [
  `/usr/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
  `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`,
  "/usr/lib64/libc.so.6",
  "/lib64/libc.so.6",
];

export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | undefined;

/** The C library, opened at the first call and kept: every part of the program shares it. */
export function libc(): Libc {
  return opened ??= openLibc();
}

function openLibc(): Libc {
  const reasons: unknown[] = [];
  for (const path of LIBC_PATHS) {
    try {
      return Deno.dlopen(path, SYMBOLS).symbols;
    } catch (cause) {
      reasons.push(cause);
    }
  }
  const cause = new AggregateError(reasons);
  throw new Error(`Cannot open the C library: none of ${LIBC_PATHS.join(", ")}`, { cause });
}

/** The errno that the last failed call of this thread left. */
export function errno(): number {
  const value = new Int32Array(1);
  const { memcpy, __errno_location: location } = libc();
  memcpy(new Uint8Array(value.buffer), location(), 4n);
  return value[0] ?? 0;
}

/** The error of a call that failed: `Cannot <action>: <reason>`. */
export function systemError(action: string, code = errno()): Error {
  return new Error(`Cannot ${action}: ${errorText(code)}`);
}

const ERRORS: Readonly<Record<number, string>> = {
  1: "operation not permitted (CAP_NET_ADMIN is needed)",
  2: "no such file or directory",
  12: "out of memory",
  13: "permission denied",
  16: "device or resource busy",
  17: "it exists already",
  18: "invalid cross-device link",
  19: "no such device",
  22: "invalid argument",
  23: "the kernel's table is full",
  28: "no space left",
  30: "read-only file system",
  95: "not supported by this kernel",
  97: "address family not supported",
  98: "address already in use",
  99: "no interface has the address",
  101: "network is unreachable",
  105: "no buffer space",
  113: "no route to host",
};

/** The name of an errno, for messages. */
export function errorText(code: number): string {
  return ERRORS[code] ?? `errno ${code}`;
}

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;

/** The text of a small file; null if it is not there or cannot be read. */
export function readSmallFile(path: string): string | null {
  const fd = libc().open(cString(path), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return null;
  try {
    const buffer = new Uint8Array(65536);
    const length = Number(libc().read(fd, buffer, BigInt(buffer.length)));
    return length < 0 ? null : new TextDecoder().decode(buffer.subarray(0, length));
  } finally {
    libc().close(fd);
  }
}

/** Write a small file that exists, in one call as sysctls want it. Throws with the reason. */
export function writeSmallFile(path: string, text: string): void {
  const fd = libc().open(cString(path), O_WRONLY | O_CLOEXEC);
  if (fd < 0) throw systemError(`open ${path}`);
  try {
    const bytes = new TextEncoder().encode(text);
    if (Number(libc().write(fd, bytes, BigInt(bytes.length))) !== bytes.length) {
      throw systemError(`write "${text}" to ${path}`);
    }
  } finally {
    libc().close(fd);
  }
}

/** Text as C wants it. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}
