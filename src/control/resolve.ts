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
/** In the buffer of a question, behind the hints: the address of the answer, host and port as text. */
const FOUND_AT = ADDRINFO_BYTES;
const NAMES_AT = FOUND_AT + 8;

/** The sockaddr of a host and a UDP port. Throws {@link AddressMissing} where nobody knows the host. */
export async function resolveUdp(host: string, port: number): Promise<Uint8Array<ArrayBuffer>> {
  // All in one buffer: the thread goes by its address, and what is read afterwards is kept until then.
  const [name, service] = [cString(host), cString(`${port}`)];
  const bytes = new Uint8Array(new ArrayBuffer(NAMES_AT + name.length + service.length));
  const view = new DataView(bytes.buffer);
  view.setInt32(0, AI_NUMERICSERV, true);
  view.setInt32(SOCKTYPE_AT, SOCK_DGRAM, true);
  bytes.set(name, NAMES_AT);
  bytes.set(service, NAMES_AT + name.length);
  const code = await libc().getaddrinfo(
    bytes.subarray(NAMES_AT),
    bytes.subarray(NAMES_AT + name.length),
    bytes,
    bytes.subarray(FOUND_AT),
  );
  if (code !== 0) {
    const reason = host.includes("%") ? "no interface of that name" : "the name is not known";
    throw new AddressMissing(reason);
  }
  const list = view.getBigUint64(FOUND_AT, true);
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
