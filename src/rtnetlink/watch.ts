import { errno, libc, systemError } from "../base/libc.ts";
import { NETLINK_ROUTE } from "../netlink/protocol.ts";
import { openNetlink } from "../netlink/socket.ts";
import * as rt from "./protocol.ts";

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
const EINTR = 4;
/** There was more than the socket had room for. */
const ENOBUFS = 105;
const GROUPS = rt.RTMGRP_LINK | rt.RTMGRP_IPV4_IFADDR | rt.RTMGRP_IPV4_ROUTE | rt.RTMGRP_IPV4_RULE;

/** Knows whether interfaces, IPv4 addresses or routes of this network namespace have changed. */
export class NetworkWatch implements Disposable {
  readonly #fd = openNetlink(NETLINK_ROUTE, GROUPS);
  readonly #buffer = new Uint8Array(1 << 16);

  /** Whether anything has changed since the last call. */
  hasChanged(): boolean {
    let changed = false;
    for (;;) {
      const { length } = this.#buffer;
      if (libc().recv(this.#fd, this.#buffer, BigInt(length), MSG_DONTWAIT) >= 0) {
        changed = true;
        continue;
      }
      const code = errno();
      if (code === ENOBUFS) changed = true;
      else if (code === EAGAIN) return changed;
      else if (code !== EINTR) throw systemError("hear of changes of the network", code);
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}
