import { cString, libc } from "../base/libc.ts";
import { AddressMissing } from "./address_missing.ts";

/*
 * What a host in the configuration stands for: getaddrinfo(3), which knows addresses, those with a
 * zone (`fe80::1%eth0`), and names. It runs in a thread: a name server may take its time.
 */

const SOCK_DGRAM = 2;
const AI_NUMERICSERV = 0x400;
/** struct addrinfo of 64-bit Linux. */
const ADDRINFO_BYTES = 48;
const SOCKTYPE_AT = 8;
const LENGTH_AT = 16;
const ADDRESS_AT = 24;

/** The sockaddr of a host and a UDP port. Throws {@link AddressMissing} where nobody knows the host. */
export async function resolveUdp(host: string, port: number): Promise<Uint8Array<ArrayBuffer>> {
  const hints = new Uint8Array(new ArrayBuffer(ADDRINFO_BYTES));
  const wanted = new DataView(hints.buffer);
  wanted.setInt32(0, AI_NUMERICSERV, true);
  wanted.setInt32(SOCKTYPE_AT, SOCK_DGRAM, true);
  const found = new Uint8Array(new ArrayBuffer(8));
  const [name, service] = [offHeap(cString(host)), offHeap(cString(`${port}`))];
  const code = await libc().getaddrinfo(name, service, hints, found);
  if (code !== 0) {
    const reason = host.includes("%") ? "no interface of that name" : "the name is not known";
    throw new AddressMissing(reason);
  }
  const list = new DataView(found.buffer).getBigUint64(0, true);
  try {
    return firstOf(list);
  } finally {
    libc().freeaddrinfo(list);
  }
}

function firstOf(list: bigint): Uint8Array<ArrayBuffer> {
  const info = new Uint8Array(new ArrayBuffer(ADDRINFO_BYTES));
  libc().copyFrom(info, list, BigInt(ADDRINFO_BYTES));
  const view = new DataView(info.buffer);
  const length = view.getUint32(LENGTH_AT, true);
  const address = new Uint8Array(new ArrayBuffer(length));
  libc().copyFrom(address, view.getBigUint64(ADDRESS_AT, true), BigInt(length));
  return address;
}

/** V8 moves small arrays about, unless they have a buffer of their own. */
function offHeap(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
