import { libc } from "../base/libc.ts";
import { socketName, unixPath } from "./descriptors.ts";

/*
 * Control sockets of the daemon before this one, which somebody kept open meanwhile: what was asked
 * while no daemon ran waits in them. A UDP socket is used as it is. What has another one in its place
 * is emptied into that, and closed.
 */

/** A request that was on its way to the old socket has arrived after so long. */
const STRAGGLERS_MS = 100;

/**
 * A UNIX socket is bound to this name beside its own, and then takes its own by rename(2), so that
 * there is no moment in which nobody serves it. The kernel goes on calling it by the first name.
 */
export const SUCCESSOR_SUFFIX = "~";

/** The sockets that were inherited, until each has gone to its successor. */
export class Inheritance {
  readonly #fds: Set<number>;

  /** `fds` belong to this object from now on. */
  constructor(fds: Iterable<number> = []) {
    this.#fds = new Set(fds);
  }

  /** Take the UDP sockets that are bound to an address: they belong to the caller from now on. */
  takeUdp(address: Uint8Array): readonly number[] {
    const name = address.join();
    const taken = [...this.#fds].filter((fd) => socketName(fd).join() === name);
    for (const fd of taken) this.#fds.delete(fd);
    return taken;
  }

  /** The listeners that serve `path`. */
  unix(path: string): readonly number[] {
    return [...this.#fds].filter((fd) => unixPath(socketName(fd)) === path + SUCCESSOR_SUFFIX);
  }

  /** Empty sockets by `take`, now and once more for stragglers, and close them. */
  passOn(fds: readonly number[], take: (fd: number) => void): AsyncDisposable {
    for (const fd of fds) {
      this.#fds.delete(fd);
      take(fd);
    }
    const close = (): void => {
      clearTimeout(timer);
      for (const fd of fds) {
        take(fd);
        libc().close(fd);
      }
      fds = [];
    };
    const timer = setTimeout(close, STRAGGLERS_MS);
    return { [Symbol.asyncDispose]: () => Promise.resolve(close()) };
  }

  /** Close those that nobody wanted: their addresses are not in the configuration any more. */
  closeRest(): void {
    for (const fd of this.#fds) libc().close(fd);
    this.#fds.clear();
  }
}
