import { libc } from "../base/libc.ts";

const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SOCK_DGRAM = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const HIGHEST_FD = 4096;

/**
 * Raise the receive buffer of the UDP socket bound to `port`, which Deno has no option for: with the
 * default one a burst of calls loses requests. The answer is the size the kernel granted, null if
 * the socket was not found.
 */
export function raiseReceiveBuffer(port: number, bytes: number): number | null {
  const fd = findUdpSocket(port);
  if (fd === null) return null;
  const value = new Uint8Array(Int32Array.of(bytes).buffer);
  // Without CAP_NET_ADMIN the system's limit (net.core.rmem_max) holds.
  if (libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, 4) !== 0) {
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, 4);
  }
  return readOption(fd, SO_RCVBUF);
}

function findUdpSocket(port: number): number | null {
  const address = new Uint8Array(128);
  const view = new DataView(address.buffer);
  for (let fd = 3; fd < HIGHEST_FD; fd++) {
    const length = new Uint8Array(Uint32Array.of(address.length).buffer);
    if (libc().getsockname(fd, address, length) !== 0) continue;
    const family = view.getUint16(0, true);
    if (family !== AF_INET && family !== AF_INET6) continue;
    if (view.getUint16(2) === port && readOption(fd, SO_TYPE) === SOCK_DGRAM) return fd;
  }
  return null;
}

function readOption(fd: number, option: number): number {
  const value = new Uint8Array(4);
  const length = new Uint8Array(Uint32Array.of(4).buffer);
  libc().getsockopt(fd, SOL_SOCKET, option, value, length);
  return new DataView(value.buffer).getInt32(0, true);
}
