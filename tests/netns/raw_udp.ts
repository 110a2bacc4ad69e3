import type { Endpoint } from "../../src/base/ipv4.ts";
import { libc, systemError } from "../../src/base/libc.ts";
import type { Namespace } from "../../src/netns/namespaces.ts";

/*
 * UDP packets byte by byte: every header field is the test's own, and what arrives is seen as it
 * is, checksum and all, whether or not a program has its port open.
 */

const AF_INET = 2;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const IPPROTO_UDP = 17;
const IPPROTO_RAW = 255;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const MSG_DONTWAIT = 0x40;
const IP_HEADER = 20;
const UDP_HEADER = 8;

/** A UDP packet. */
export interface RawPacket {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly payload: Uint8Array;
}

/** How to send it: with which checksum, and whether no router may take it apart (DF). */
export interface Sending {
  readonly checksum?: Exclude<Checksum, "wrong">;
  readonly dontFragment?: boolean;
}

/** `valid`: right, or 0xffff for a right 0. `none`: 0, which says that there is none. */
export type Checksum = "valid" | "none" | "wrong";

/** A UDP packet as it arrived. */
export interface ArrivedPacket extends RawPacket {
  readonly checksum: Checksum;
}

/** Sends and sees UDP packets in a namespace. */
export class RawUdp implements Disposable {
  readonly #sender: number;
  readonly #receiver: number;

  constructor(namespace: Namespace) {
    [this.#sender, this.#receiver] = namespace.run(() => {
      return [openRaw(IPPROTO_RAW), openRaw(IPPROTO_UDP)] as const;
    });
    const patience = new Uint8Array(BigInt64Array.of(2n, 0n).buffer);
    libc().setsockopt(this.#receiver, SOL_SOCKET, SO_RCVTIMEO, patience, patience.length);
  }

  /** Send a packet on its way; the answer is the packet, its IP header but for what the kernel fills in. */
  send(packet: RawPacket, sending: Sending = {}): Uint8Array {
    const bytes = encode(packet, sending);
    const address = new Uint8Array(16);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_INET, true);
    view.setUint32(4, packet.to.address);
    const length = BigInt(bytes.length);
    const sent = sendto()(this.#sender, bytes, length, 0, address, address.length);
    if (Number(sent) !== bytes.length) throw systemError("send a raw packet");
    return bytes;
  }

  /** The packets that arrive until one that `isLast` takes, which is not among them. */
  receiveUntil(isLast: (packet: ArrivedPacket) => boolean): readonly ArrivedPacket[] {
    const packets: ArrivedPacket[] = [];
    for (;;) {
      const packet = this.#receive(0);
      if (packet === null) throw new Error("The expected packet did not arrive within 2 s");
      if (isLast(packet)) return packets;
      packets.push(packet);
    }
  }

  /** The packets that are there. */
  receiveAll(): readonly ArrivedPacket[] {
    const packets: ArrivedPacket[] = [];
    for (;;) {
      const packet = this.#receive(MSG_DONTWAIT);
      if (packet === null) return packets;
      packets.push(packet);
    }
  }

  [Symbol.dispose](): void {
    libc().close(this.#sender);
    libc().close(this.#receiver);
  }

  #receive(flags: number): ArrivedPacket | null {
    const buffer = new Uint8Array(2048);
    const length = Number(libc().recv(this.#receiver, buffer, BigInt(buffer.length), flags));
    return length < 0 ? null : decode(buffer.subarray(0, length));
  }
}

let opened: ((...args: SendtoArgs) => bigint) | undefined;

type SendtoArgs = Parameters<ReturnType<typeof openSendto>>;

function sendto(): (...args: SendtoArgs) => bigint {
  return opened ??= openSendto();
}

function openSendto() {
  return Deno.dlopen("libc.so.6", {
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  }).symbols.sendto;
}

function openRaw(protocol: number): number {
  const fd = libc().socket(AF_INET, SOCK_RAW_CLOEXEC, protocol);
  if (fd < 0) throw systemError("open a raw socket");
  return fd;
}

/** The kernel fills in the IP header's length, id and checksum. */
function encode(
  { from, to, payload }: RawPacket,
  { checksum = "valid", dontFragment = false }: Sending,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(IP_HEADER + UDP_HEADER + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[6] = dontFragment ? 0x40 : 0;
  bytes[8] = 64;
  bytes[9] = IPPROTO_UDP;
  view.setUint32(12, from.address);
  view.setUint32(16, to.address);
  view.setUint16(20, from.port);
  view.setUint16(22, to.port);
  view.setUint16(24, UDP_HEADER + payload.length);
  bytes.set(payload, IP_HEADER + UDP_HEADER);
  if (checksum === "valid") view.setUint16(26, udpChecksum(bytes) || 0xffff);
  return bytes;
}

function decode(bytes: Uint8Array): ArrivedPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const udp = ((bytes[0] ?? 0) & 15) * 4;
  const sum = view.getUint16(udp + 6);
  return {
    from: { address: view.getUint32(12), port: view.getUint16(udp) },
    to: { address: view.getUint32(16), port: view.getUint16(udp + 2) },
    payload: bytes.slice(udp + UDP_HEADER),
    checksum: sum === 0 ? "none" : udpChecksum(bytes) === 0 ? "valid" : "wrong",
  };
}

/** The Internet checksum over pseudo-header and datagram; 0 if the one in it is right. */
function udpChecksum(bytes: Uint8Array): number {
  const datagram = bytes.subarray(IP_HEADER);
  const pseudoHeader = bytes.subarray(12, IP_HEADER);
  return internetSum(pseudoHeader, datagram, Uint8Array.of(0, IPPROTO_UDP), lengthOf(datagram));
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  return Uint8Array.of(length >> 8, length & 0xff);
}

/** The Internet checksum (RFC 1071) over parts one behind the other; 0 if the one within is right. */
export function internetSum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) part.forEach((byte, i) => sum += i % 2 === 0 ? byte << 8 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
