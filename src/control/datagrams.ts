import { libc } from "../base/libc.ts";
import { SOCKADDR_BYTES, sockaddrLength } from "./sockaddr.ts";

/*
 * Datagrams in and out, by recvmsg(2) and sendmsg(2). An answer leaves from the address that was asked
 * (RFC 1122 4.1.3.5): a peer with a connected socket hears no other. Of a socket that is bound to one
 * address that is a matter of course; of one that is bound to all, the kernel says the address with
 * each datagram (IP_PKTINFO) and is told it with the answer. The layouts are those of 64-bit
 * little-endian Linux.
 */

const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const IPPROTO_IP = 0;

/** Longer than any request, so that a longer one shows. */
export const DATAGRAM_BYTES = 512;
/** Longer than any answer: a request of that length, and what is put behind it. */
const ANSWER_BYTES = 2 * DATAGRAM_BYTES;

/** struct msghdr, iovec, the peer's sockaddr, one control message, the datagram. */
const NAME_LENGTH_AT = 8;
const CONTROL_LENGTH_AT = 40;
const IOVEC_AT = 56;
const PATH_AT = IOVEC_AT + 16;
/** Within a path: the control message with struct in_pktinfo or in6_pktinfo. */
const CONTROL_AT = 32;
const CONTROL_BYTES = 40;
const PATH_BYTES = CONTROL_AT + CONTROL_BYTES;
const DATA_AT = PATH_AT + PATH_BYTES;

/** Whence a datagram came and where it arrived, which is how its answer goes back. */
export type ReturnPath = Uint8Array<ArrayBuffer>;

/** The sockaddr of whoever sent a datagram. */
export function peerOf(path: ReturnPath): Uint8Array<ArrayBuffer> {
  return path.subarray(0, SOCKADDR_BYTES);
}

/** The datagrams of a UDP socket. Nothing waits: what cannot be read or sent now is not. */
export class Datagrams {
  readonly #fd: number;
  readonly #in = new Message(DATAGRAM_BYTES);
  readonly #out = new Message(ANSWER_BYTES);

  /** The descriptor stays its owner's. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Hand over up to `most` waiting datagrams; how many. */
  drain(most: number, take: (bytes: Uint8Array, path: ReturnPath) => void): number {
    const { recvmsg } = libc();
    const message = this.#in;
    for (let n = 0; n < most; n++) {
      message.expect();
      const got = Number(recvmsg(this.#fd, message.bytes, MSG_DONTWAIT_NOSIGNAL));
      // Nothing waits any more, or Linux reports that an earlier answer met a closed port.
      if (got < 0) return n;
      take(message.data(got), message.path());
    }
    return most;
  }

  /** Answer a datagram. A peer that is gone is no fault of ours. */
  answer(bytes: Uint8Array<ArrayBuffer>, path: ReturnPath): void {
    this.#out.fill(bytes, path);
    libc().sendmsg(this.#fd, this.#out.bytes, MSG_DONTWAIT_NOSIGNAL);
  }
}

/** One buffer for all: what only an address in another one points to might be collected meanwhile. */
class Message {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(room: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(DATA_AT + room));
    this.#view = new DataView(this.bytes.buffer);
    const start = libc().addressOf(this.bytes, this.bytes, 0n);
    const point = (at: number, to: number): void =>
      this.#view.setBigUint64(at, start + BigInt(to), true);
    point(0, PATH_AT);
    point(16, IOVEC_AT);
    this.#view.setBigUint64(24, 1n, true);
    point(32, PATH_AT + CONTROL_AT);
    point(IOVEC_AT, DATA_AT);
    this.#view.setBigUint64(IOVEC_AT + 8, BigInt(room), true);
  }

  /** Get ready to receive. */
  expect(): void {
    this.#view.setUint32(NAME_LENGTH_AT, SOCKADDR_BYTES, true);
    this.#view.setUint32(CONTROL_LENGTH_AT, CONTROL_BYTES, true);
    // If the kernel says nothing, it is to be read as nothing.
    this.#view.setUint32(PATH_AT + CONTROL_AT, 0, true);
  }

  data(length: number): Uint8Array {
    return this.bytes.slice(DATA_AT, DATA_AT + length);
  }

  /** The way back to whoever sent what was received. */
  path(): ReturnPath {
    const path = this.bytes.slice(PATH_AT, DATA_AT);
    if (controlLength(path) > 0) turnAround(path);
    return path;
  }

  /** Get ready to send. */
  fill(data: Uint8Array, path: ReturnPath): void {
    this.bytes.set(path, PATH_AT);
    this.bytes.set(data, DATA_AT);
    this.#view.setUint32(NAME_LENGTH_AT, sockaddrLength(path), true);
    this.#view.setUint32(CONTROL_LENGTH_AT, controlLength(path), true);
    this.#view.setBigUint64(IOVEC_AT + 8, BigInt(data.length), true);
  }
}

/** The length of the control message in a path, padded as the kernel wants it; 0 if there is none. */
function controlLength(path: ReturnPath): number {
  return ((path[CONTROL_AT] ?? 0) + 7) & ~7;
}

/**
 * Make of "it came to this address by that interface" "send it from this address". The interface is
 * left to routing, but for link-local addresses, which mean nothing without theirs.
 */
function turnAround(path: ReturnPath): void {
  const info = path.subarray(CONTROL_AT + 16);
  if (path[CONTROL_AT + 8] === IPPROTO_IP) {
    // Interface, address to answer from, address that was asked. The second is not there for what
    // came before IP_PKTINFO was asked for.
    info.fill(0, 0, 4);
    if (info.subarray(4, 8).every((byte) => byte === 0)) info.copyWithin(4, 8, 12);
    return;
  }
  const [first = 0, second = 0] = info;
  const isMulticast = first === 0xff;
  const isLinkLocal = first === 0xfe && (second & 0xc0) === 0x80;
  if (isMulticast) path[CONTROL_AT] = 0;
  else if (!isLinkLocal) info.fill(0, 16, 20);
}
