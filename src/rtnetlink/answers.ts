import type { Ipv4 } from "../base/ipv4.ts";
import { attributes, text, u32 } from "../netlink/decode.ts";
import * as rt from "./protocol.ts";

/*
 * What the kernel says of interfaces, addresses and routes: bodies of messages, each behind a header of its
 * family. Whatever does not fit is left out. Numbers are the machine's (little-endian), addresses network order.
 */

/** An interface. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `dummy`, `vlan`, …; empty for hardware. */
  readonly kind: string;
  /** Whether packets of others come in by it: by a loopback or a dummy device none does. */
  readonly bringsPackets: boolean;
  readonly mtuBytes: number;
  /** The index of the bridge, bond or VRF that it belongs to; 0 if to none. */
  readonly master: number;
  /** Whether a bridge asks iptables about its own frames, though its namespace does not. */
  readonly callsIptables: boolean;
}

/** An IPv4 address of this machine. */
export interface InterfaceAddress {
  readonly index: number;
  readonly address: Ipv4;
  readonly prefix: number;
}

/** One way that a route leads. */
export interface NextHop {
  readonly index: number;
  /** Null where the destination is on the link itself. */
  readonly gateway: Ipv4 | null;
}

/** What the kernel does with packets for a destination. */
export interface Route {
  readonly nextHops: readonly NextHop[];
  /** The route's own MTU; null if it is that of the link. */
  readonly mtuBytes: number | null;
}

const IFINFOMSG_BYTES = 16;
const IFADDRMSG_BYTES = 8;
const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;
const NDMSG_BYTES = 12;

/** Read a RTM_NEWLINK; null if it is none. */
export function parseLink(body: Uint8Array): Link | null {
  if (body.length < IFINFOMSG_BYTES) return null;
  const link = attributes(body.subarray(IFINFOMSG_BYTES));
  const info = attributes(link.get(rt.IFLA_LINKINFO) ?? new Uint8Array());
  const data = attributes(info.get(rt.IFLA_INFO_DATA) ?? new Uint8Array());
  const flags = le32(body, 8);
  const kind = text(info.get(rt.IFLA_INFO_KIND));
  return {
    index: le32(body, 4),
    name: text(link.get(rt.IFLA_IFNAME)),
    kind,
    bringsPackets: (flags & rt.IFF_LOOPBACK) === 0 && kind !== "dummy",
    mtuBytes: le32(link.get(rt.IFLA_MTU)),
    master: le32(link.get(rt.IFLA_MASTER)),
    callsIptables: kind === "bridge" && data.get(rt.IFLA_BR_NF_CALL_IPTABLES)?.[0] === 1,
  };
}

/** Read a RTM_NEWADDR of IPv4; null if it is none. Its label is no name of an interface. */
export function parseAddress(body: Uint8Array): InterfaceAddress | null {
  if (body.length < IFADDRMSG_BYTES || body[0] !== rt.AF_INET) return null;
  const address = attributes(body.subarray(IFADDRMSG_BYTES)).get(rt.IFA_LOCAL);
  if (address?.length !== 4) return null;
  return { index: le32(body, 4), address: u32(address), prefix: body[1] ?? 32 };
}

/** Read a RTM_NEWROUTE. */
export function parseRoute(body: Uint8Array): Route {
  const route = attributes(body.subarray(RTMSG_BYTES));
  const metrics = attributes(route.get(rt.RTA_METRICS) ?? new Uint8Array());
  const several = parseNextHops(route.get(rt.RTA_MULTIPATH) ?? new Uint8Array());
  const index = le32(route.get(rt.RTA_OIF));
  const one = index === 0 ? [] : [{ index, gateway: gatewayIn(route) }];
  return {
    nextHops: several.length > 0 ? several : one,
    mtuBytes: le32(metrics.get(rt.RTAX_MTU)) || null,
  };
}

/** The state of a RTM_NEWNEIGH, as NUD_… bits. */
export function neighbourState(body: Uint8Array): number {
  return body.length < NDMSG_BYTES ? 0 : le32(body, 8) & 0xffff;
}

function parseNextHops(bytes: Uint8Array): readonly NextHop[] {
  const hops: NextHop[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= bytes.length;) {
    const length = le32(bytes, at) & 0xffff;
    if (length < RTNEXTHOP_BYTES || at + length > bytes.length) return hops;
    const hop = attributes(bytes.subarray(at + RTNEXTHOP_BYTES, at + length));
    hops.push({ index: le32(bytes, at + 4), gateway: gatewayIn(hop) });
    at += (length + 3) & ~3;
  }
  return hops;
}

function gatewayIn(hop: ReadonlyMap<number, Uint8Array>): Ipv4 | null {
  const gateway = hop.get(rt.RTA_GATEWAY);
  return gateway?.length === 4 ? u32(gateway) : null;
}

/** A number as the machine writes it; 0 if there are not four bytes. */
function le32(bytes: Uint8Array | undefined, offset = 0): number {
  if (!bytes || bytes.length < offset + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset + offset, 4).getUint32(0, true);
}
