import { errno, libc, systemError } from "../base/libc.ts";

/*
 * Connections to a listener that Deno has not opened, and so cannot accept. They are few: those that
 * were made while no daemon ran.
 */

const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const EAGAIN = 11;
const POLL_MS = 5;

/** What a connection to a control socket has to be able to do. */
export interface Stream {
  /** Read into `buffer`; null at the end. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  close(): void;
}

/** Take the connections that wait in a listener, without waiting. */
export function* acceptWaiting(listener: number): Generator<Stream> {
  for (;;) {
    const fd = libc().accept4(listener, null, null, SOCK_NONBLOCK_CLOEXEC);
    if (fd < 0) return;
    yield new RawStream(fd);
  }
}

class RawStream implements Stream {
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    for (;;) {
      const got = Number(libc().recv(this.#fd, buffer, BigInt(buffer.length), 0));
      if (got >= 0) return got === 0 ? null : got;
      const code = errno();
      if (code !== EAGAIN) throw systemError("read from a control connection", code);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const sent = Number(libc().send(this.#fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL));
    if (sent < 0) throw systemError("write to a control connection");
    return Promise.resolve(sent);
  }

  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}
