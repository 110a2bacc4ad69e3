import { libc, systemError } from "../../src/base/libc.ts";
import type { Namespace } from "../../src/netns/namespaces.ts";

const AF_INET = 2;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_ICMP = 1;
const MSG_DONTWAIT = 0x40;

/** Sees the ICMP messages that come to a namespace: no relay socket may ever cause one. */
export class IcmpWatch implements Disposable {
  readonly #socket: number;

  constructor(place: Namespace) {
    this.#socket = place.run(() => libc().socket(AF_INET, SOCK_RAW_CLOEXEC, IPPROTO_ICMP));
    if (this.#socket < 0) throw systemError("open an ICMP socket");
  }

  /** The messages since the last call, as `type/code from address`. */
  take(): readonly string[] {
    return this.takePackets().map((bytes) => {
      const body = ((bytes[0] ?? 0) & 15) * 4;
      return `${bytes[body]}/${bytes[body + 1]} from ${bytes.subarray(12, 16).join(".")}`;
    });
  }

  /** The same as IP packets. */
  takePackets(): readonly Uint8Array[] {
    const packets: Uint8Array[] = [];
    const bytes = new Uint8Array(2048);
    for (;;) {
      const length = Number(libc().recv(this.#socket, bytes, BigInt(bytes.length), MSG_DONTWAIT));
      if (length <= 0) return packets;
      packets.push(bytes.slice(0, length));
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#socket);
  }
}
