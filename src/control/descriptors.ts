import { libc } from "../base/libc.ts";

/*
 * What this process has open. Deno does not tell the descriptors of its sockets.
 */

const FIRST_FD = 3;
const HIGHEST_FD = 4096;
const F_GETFD = 1;
const AF_UNIX = 1;
/** sockaddr_un, the longest of those that occur here. */
const SOCKADDR_UN_BYTES = 110;

/** The descriptors that are open, but for the standard ones. */
export function openDescriptors(): readonly number[] {
  const { fcntl } = libc();
  const found: number[] = [];
  for (let fd = FIRST_FD; fd < HIGHEST_FD; fd++) if (fcntl(fd, F_GETFD, 0) >= 0) found.push(fd);
  return found;
}

/** The sockaddr that a socket is bound to; empty for what is no socket. */
export function socketName(fd: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(SOCKADDR_UN_BYTES);
  const length = new Uint8Array(Uint32Array.of(address.length).buffer);
  if (libc().getsockname(fd, address, length) !== 0) return new Uint8Array(0);
  return address.slice(0, new DataView(length.buffer).getUint32(0, true));
}

/** The path of a UNIX sockaddr; null for another family. */
export function unixPath(sockaddr: Uint8Array): string | null {
  if (sockaddr[0] !== AF_UNIX) return null;
  return new TextDecoder().decode(sockaddr.subarray(2)).replace(/\0.*$/s, "");
}

/** The descriptors of UNIX sockets that are bound to a path. */
export function boundTo(path: string): readonly number[] {
  return openDescriptors().filter((fd) => unixPath(socketName(fd)) === path);
}
