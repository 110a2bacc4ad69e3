import { errno, libc, systemError } from "../base/libc.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const EADDRINUSE = 98;

/** An abstract address belongs to a network namespace and dies with its process, as a table's owner does. */
const NAME = "\0lrkproxy-owner-of-table-ip-lrkproxy";

/**
 * Become the only daemon of this network namespace until the answer is disposed of: two would fight
 * over the kernel's table. Throws if there is another.
 */
export function lockNamespace(): Disposable {
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a UNIX socket");
  const name = new TextEncoder().encode(NAME);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  if (libc().bind(fd, address, address.length) !== 0) {
    const code = errno();
    libc().close(fd);
    if (code !== EADDRINUSE) throw systemError("lock the network namespace", code);
    throw new Error("Cannot start: another lrkproxy daemon runs in this network namespace");
  }
  return { [Symbol.dispose]: () => void libc().close(fd) };
}
