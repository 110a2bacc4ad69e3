import { libc, systemError } from "../base/libc.ts";
import { openDescriptors, socketName } from "./descriptors.ts";
import { SOCKADDR_BYTES, sockaddrLength, sockaddrPort } from "./sockaddr.ts";

/*
 * Deno waits for datagrams and reads the first one; those behind it are read, and answers sent, by
 * system calls of our own: an asynchronous operation for each costs more than carrying it out.
 */

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_TYPE = 3;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOCK_DGRAM = 2;
const F_DUPFD_CLOEXEC = 1030;
const MSG_DONTWAIT = 0x40;
/** Longer than any request, so that a longer one shows. */
export const DATAGRAM_BYTES = 512;

/** The descriptors of the UDP sockets that are bound to `port`, on whatever address. */
export function udpSockets(port: number): readonly number[] {
  return openDescriptors().filter((fd) =>
    sockaddrPort(socketName(fd)) === port && readOption(fd, SO_TYPE) === SOCK_DGRAM
  );
}

/**
 * Raise the receive buffer, for which Deno has no option: with the default one a burst of calls
 * loses requests. The answer is the size that the kernel granted.
 */
export function raiseReceiveBuffer(fd: number, bytes: number): number {
  const value = new Uint8Array(Int32Array.of(bytes).buffer);
  // Without CAP_NET_ADMIN the system's limit (net.core.rmem_max) holds.
  if (libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, 4) !== 0) {
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, 4);
  }
  return readOption(fd, SO_RCVBUF);
}

/** Another descriptor of a socket. */
export function duplicate(fd: number): number {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw systemError("duplicate a control socket");
  return copy;
}

/** Let other sockets be bound to a socket's address, or not. All that share one must allow it. */
export function shareAddress(fd: number, isShared: boolean): void {
  const value = new Uint8Array(Int32Array.of(isShared ? 1 : 0).buffer);
  libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value, 4);
}

/**
 * Let nothing more come in, while what has come can be read and answered: a connected socket takes
 * datagrams of its peer alone, which it is itself. Those for its address reach another one there.
 */
export function deafen(fd: number): void {
  const address = socketName(fd);
  libc().connect(fd, address, sockaddrLength(address));
}

/** Takes what waits in a UDP socket, without waiting. */
export class DatagramReader {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(DATAGRAM_BYTES);
  readonly #peer = new Uint8Array(SOCKADDR_BYTES);
  readonly #length = lengthOf(SOCKADDR_BYTES);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Hand over up to `most` waiting datagrams, each with the sockaddr of its sender; how many. */
  drain(most: number, take: (bytes: Uint8Array, peer: Uint8Array<ArrayBuffer>) => void): number {
    const { recvfrom } = libc();
    for (let n = 0; n < most; n++) {
      this.#length[0] = SOCKADDR_BYTES;
      const room = BigInt(DATAGRAM_BYTES);
      const got = recvfrom(this.#fd, this.#buffer, room, MSG_DONTWAIT, this.#peer, this.#length);
      // Nothing waits any more, or Linux reports that an earlier answer met a closed port.
      if (got < 0) return n;
      take(this.#buffer.slice(0, Number(got)), this.#peer.slice());
    }
    return most;
  }
}

/** Send a datagram to the peer of a sockaddr. A peer that is gone is no fault of ours. */
export function sendDatagram(
  fd: number,
  bytes: Uint8Array<ArrayBuffer>,
  peer: Uint8Array<ArrayBuffer>,
): void {
  libc().sendto(fd, bytes, BigInt(bytes.length), MSG_DONTWAIT, peer, sockaddrLength(peer));
}

function readOption(fd: number, option: number): number {
  const value = new Uint8Array(4);
  libc().getsockopt(fd, SOL_SOCKET, option, value, lengthOf(4));
  return new DataView(value.buffer).getInt32(0, true);
}

function lengthOf(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.of(bytes).buffer);
}
