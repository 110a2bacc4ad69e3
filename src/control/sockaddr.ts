import type { Address } from "../base/cidr.ts";

/*
 * A peer as the kernel writes it: sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes).
 */

/** Internet protocol version 4. */
export const AF_INET = 2;
/** Internet protocol version 6. */
export const AF_INET6 = 10;

/** Room for the address of any peer. */
export const SOCKADDR_BYTES = 28;

/** The length of the address in a sockaddr. */
export function sockaddrLength(sockaddr: Uint8Array): number {
  return familyOf(sockaddr) === AF_INET ? 16 : SOCKADDR_BYTES;
}

/** The port of an Internet sockaddr; null for another family. */
export function sockaddrPort(sockaddr: Uint8Array): number | null {
  const family = familyOf(sockaddr);
  if (family !== AF_INET && family !== AF_INET6) return null;
  return (sockaddr[2] ?? 0) << 8 | (sockaddr[3] ?? 0);
}

/** The address in a sockaddr; an IPv4 peer of an IPv6 socket is the IPv4 address it stands for. */
export function sockaddrAddress(sockaddr: Uint8Array): Address {
  if (familyOf(sockaddr) === AF_INET) return { family: 4, bytes: sockaddr.slice(4, 8) };
  const bytes = sockaddr.slice(8, 24);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
  return isMapped ? { family: 4, bytes: bytes.slice(12) } : { family: 6, bytes };
}

/** Whether a socket that is bound to this takes what comes to any address of the machine. */
export function isWildcard(sockaddr: Uint8Array): boolean {
  const [from, to] = familyOf(sockaddr) === AF_INET ? [4, 8] : [8, 24];
  return sockaddr.subarray(from, to).every((byte) => byte === 0);
}

/** The same address with the port 0, which lets the kernel choose one. */
export function withoutPort(sockaddr: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(sockaddr);
  copy.fill(0, 2, 4);
  return copy;
}

/** AF_INET or AF_INET6. */
export function familyOf(sockaddr: Uint8Array): number {
  return (sockaddr[0] ?? 0) | (sockaddr[1] ?? 0) << 8;
}
