import { libc } from "../base/libc.ts";

/*
 * sendmsg(2) on a UNIX datagram socket. The layouts are those of 64-bit little-endian Linux.
 */

const AF_UNIX = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** sockaddr_un of a path; `@` in front stands for the NUL of an abstract address. */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const isAbstract = path.startsWith("@");
  const name = new TextEncoder().encode(isAbstract ? `\0${path.slice(1)}` : `${path}\0`);
  const address = new Uint8Array(2 + name.length);
  address[0] = AF_UNIX;
  address.set(name, 2);
  return address;
}

/** A datagram, and a descriptor that travels with it. */
export interface Datagram {
  readonly address: Uint8Array;
  readonly text: string;
  readonly descriptor: number | null;
}

/** Where the parts of a message lie in its buffer: struct msghdr, iovec, cmsghdr with one descriptor. */
const IOVEC = 56;
const CONTROL = IOVEC + 16;
const ADDRESS = CONTROL + 24;

/** Send without waiting; whether the datagram has gone out. */
export function sendDatagram(socket: number, { address, text, descriptor }: Datagram): boolean {
  const bytes = new TextEncoder().encode(text);
  // One buffer for all: what only an address in another one points to might be collected meanwhile.
  const message = new Uint8Array(ADDRESS + address.length + bytes.length);
  const start = libc().addressOf(message, message, 0n);
  const at = (offset: number): bigint => start + BigInt(offset);
  const view = new DataView(message.buffer);
  view.setBigUint64(0, at(ADDRESS), true);
  view.setUint32(8, address.length, true);
  view.setBigUint64(16, at(IOVEC), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(IOVEC, at(ADDRESS + address.length), true);
  view.setBigUint64(IOVEC + 8, BigInt(bytes.length), true);
  message.set(address, ADDRESS);
  message.set(bytes, ADDRESS + address.length);
  if (descriptor !== null) {
    view.setBigUint64(32, at(CONTROL), true);
    view.setBigUint64(40, 24n, true);
    writeRights(view, descriptor);
  }
  return Number(libc().sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0;
}

function writeRights(view: DataView, descriptor: number): void {
  view.setBigUint64(CONTROL, 20n, true);
  view.setInt32(CONTROL + 8, SOL_SOCKET, true);
  view.setInt32(CONTROL + 12, SCM_RIGHTS, true);
  view.setInt32(CONTROL + 16, descriptor, true);
}
