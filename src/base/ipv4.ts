import { err, ok, type Result } from "./result.ts";

/** An IPv4 address as an unsigned 32-bit number, host order: 192.0.2.1 is 0xc0000201. */
export type Ipv4 = number;

/** A transport address. Port 0 or address 0 says "none": SDP's way of putting a leg on hold. */
export interface Endpoint {
  readonly address: Ipv4;
  readonly port: number;
}

/** Parse dotted-quad text; exactly four decimal numbers, no leading zeros (they are octal to some). */
export function parseIpv4(text: string): Result<Ipv4> {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (code === 0x2e) {
      if (octet < 0 || (++dots > 4)) return bad(text);
      address = address * 256 + octet;
      octet = -1;
    } else if (code >= 0x30 && code <= 0x39 && octet !== 0) {
      octet = (octet < 0 ? 0 : octet * 10) + (code - 0x30);
      if (octet > 255) return bad(text);
    } else {
      return bad(text);
    }
  }
  return dots === 4 ? ok(address) : bad(text);
}

function bad(text: string): Result<never> {
  return err(`"${text}" is not an IPv4 address`);
}

/** Dotted-quad text of an address. */
export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** `address:port` text of an endpoint. */
export function formatEndpoint(endpoint: Endpoint): string {
  return `${formatIpv4(endpoint.address)}:${endpoint.port}`;
}

/** The network mask of a prefix length as an {@link Ipv4}. */
export function maskOf(prefix: number): Ipv4 {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}
