import { errno, libc, systemError } from "../base/libc.ts";
import { AddressMissing } from "./address_missing.ts";
import { openDescriptors, socketName } from "./descriptors.ts";
import {
  AF_INET,
  familyOf,
  isWildcard,
  SOCKADDR_BYTES,
  sockaddrLength,
  sockaddrPort,
  withoutPort,
} from "./sockaddr.ts";

/*
 * UDP sockets by system calls of our own. Deno reads the first datagram of a wake-up itself and says
 * neither to which address it was sent nor by which interface it came, can be given no socket that is
 * open already, and has no option for the receive buffer.
 */

const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_TYPE = 3;
const SO_RCVBUF = 8;
const SO_REUSEPORT = 15;
const SO_RCVBUFFORCE = 33;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const ENODEV = 19;
const EADDRINUSE = 98;
const EADDRNOTAVAIL = 99;

/**
 * Open a UDP socket at an address, also where other sockets of ours are in its way. Throws
 * {@link AddressMissing} if this machine does not have the address.
 */
export function bindUdp(address: Uint8Array<ArrayBuffer>): number {
  const fd = openSocket(address);
  try {
    // `::` is for IPv4 too, whatever net.ipv6.bindv6only says.
    if (familyOf(address) !== AF_INET) setOption(fd, IPPROTO_IPV6, { name: IPV6_V6ONLY, value: 0 });
    if (tryBind(fd, address) === EADDRINUSE) bindBesideOurs(fd, address);
    noteDestinations(fd, address);
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** Whether this machine has an address now: whether a socket may be bound to it. */
export function hasAddress(address: Uint8Array): boolean {
  const any = withoutPort(address);
  const fd = openSocket(any);
  try {
    return libc().bind(fd, any, any.length) === 0;
  } finally {
    libc().close(fd);
  }
}

/** Have the kernel say to which address of the machine each datagram came, where there are several. */
export function noteDestinations(fd: number, address: Uint8Array): void {
  if (!isWildcard(address)) return;
  if (familyOf(address) === AF_INET) setOption(fd, IPPROTO_IP, { name: IP_PKTINFO, value: 1 });
  else setOption(fd, IPPROTO_IPV6, { name: IPV6_RECVPKTINFO, value: 1 });
}

/**
 * Raise the receive buffer: with the default one a burst of calls loses requests. The answer is the
 * size that the kernel granted.
 */
export function raiseReceiveBuffer(fd: number, bytes: number): number {
  // Without CAP_NET_ADMIN the system's limit (net.core.rmem_max) holds.
  if (setOption(fd, SOL_SOCKET, { name: SO_RCVBUFFORCE, value: bytes }) !== 0) {
    setOption(fd, SOL_SOCKET, { name: SO_RCVBUF, value: bytes });
  }
  return readOption(fd, SO_RCVBUF);
}

/** Let no other socket be bound to a socket's address, whatever a daemon before this one allowed. */
export function claimAddress(fd: number): void {
  setOption(fd, SOL_SOCKET, { name: SO_REUSEADDR, value: 0 });
  setOption(fd, SOL_SOCKET, { name: SO_REUSEPORT, value: 0 });
}

/**
 * Let nothing more come in, while what has come can be read and answered: a connected socket takes
 * datagrams of its peer alone, which it is itself. Those for its address reach another one there.
 */
export function deafen(fd: number): void {
  const address = socketName(fd);
  libc().connect(fd, address, sockaddrLength(address));
}

/** Whether a socket has been deafened. */
export function isDeaf(fd: number): boolean {
  return libc().getpeername(fd, new Uint8Array(SOCKADDR_BYTES), lengthOf(SOCKADDR_BYTES)) === 0;
}

function openSocket(address: Uint8Array): number {
  const fd = libc().socket(familyOf(address), SOCK_DGRAM | SOCK_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError("open a UDP socket");
  return fd;
}

/** Bind a socket: 0 or EADDRINUSE. Throws for anything else. */
function tryBind(fd: number, address: Uint8Array<ArrayBuffer>): number {
  if (libc().bind(fd, address, address.length) === 0) return 0;
  const code = errno();
  if (code === EADDRINUSE) return code;
  if (code === EADDRNOTAVAIL) throw new AddressMissing("no interface has the address");
  if (code === ENODEV) throw new AddressMissing("the interface is not there");
  throw systemError("bind a UDP socket", code);
}

/**
 * Bind a socket where others of this process are in its way, as when a reload goes from an address to
 * 0.0.0.0. They share the port no longer than that takes, and by SO_REUSEPORT: only sockets of the
 * same user can join then.
 */
function bindBesideOurs(fd: number, address: Uint8Array<ArrayBuffer>): void {
  const sharing = [...udpSockets(sockaddrPort(address) ?? 0), fd];
  const share = (value: number): void => {
    for (const each of sharing) setOption(each, SOL_SOCKET, { name: SO_REUSEPORT, value });
  };
  share(1);
  try {
    if (tryBind(fd, address) !== 0) throw systemError("bind a UDP socket", EADDRINUSE);
  } finally {
    share(0);
  }
}

/** The descriptors of the UDP sockets that are bound to `port`, on whatever address. */
function udpSockets(port: number): readonly number[] {
  return openDescriptors().filter((fd) =>
    sockaddrPort(socketName(fd)) === port && readOption(fd, SO_TYPE) === SOCK_DGRAM
  );
}

function setOption(
  fd: number,
  level: number,
  { name, value }: { readonly name: number; readonly value: number },
): number {
  return libc().setsockopt(fd, level, name, new Uint8Array(Int32Array.of(value).buffer), 4);
}

function readOption(fd: number, option: number): number {
  const value = new Uint8Array(4);
  libc().getsockopt(fd, SOL_SOCKET, option, value, lengthOf(4));
  return new DataView(value.buffer).getInt32(0, true);
}

function lengthOf(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.of(bytes).buffer);
}
