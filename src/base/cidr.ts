import ipaddr from "ipaddr.js";
import { type Ipv4, parseIpv4 } from "./ipv4.ts";
import { err, ok, type Result } from "./result.ts";

/** An address in network byte order: 4 or 16 bytes. */
export interface Address {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
}

/** A network: the first `prefix` bits of `bytes`; the bits after them are 0. */
export interface Cidr extends Address {
  /** As it is written: `10.0.0.0/8`. */
  readonly text: string;
  readonly prefix: number;
}

/**
 * Parse the text of an IPv4 or IPv6 address. An IPv4 peer of an IPv6 socket (`::ffff:192.0.2.1`) is
 * the IPv4 address that it stands for, so that one list of networks serves both kinds of socket.
 */
export function parseAddress(text: string): Result<Address> {
  const ipv4 = parseIpv4(text);
  if (ipv4.ok) return ok(addressOfIpv4(ipv4.value));
  const [address = ""] = text.split("%", 1);
  if (!address.includes(":") || !ipaddr.IPv6.isValid(address)) {
    return err(`"${text}" is not an IP address`);
  }
  const ipv6 = ipaddr.IPv6.parse(address);
  return ok(
    ipv6.isIPv4MappedAddress()
      ? { family: 4, bytes: Uint8Array.from(ipv6.toIPv4Address().toByteArray()) }
      : { family: 6, bytes: Uint8Array.from(ipv6.toByteArray()) },
  );
}

/** The usual text of an address. */
export function formatAddress({ bytes }: Address): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** The address whose number is `ipv4`. */
export function addressOfIpv4(ipv4: Ipv4): Address {
  return { family: 4, bytes: Uint8Array.of(ipv4 >>> 24, ipv4 >>> 16, ipv4 >>> 8, ipv4) };
}

/**
 * Parse `address/prefix`; an address alone is a network of one. Bits after the prefix are cleared.
 */
export function parseCidr(text: string): Result<Cidr> {
  const [addressText = "", prefixText, ...rest] = text.split("/");
  const address = parseAddress(addressText);
  if (!address.ok || rest.length > 0 || addressText.includes("%")) {
    return err(`"${text}" is not a network such as 192.0.2.0/24`);
  }
  const { family, bytes } = address.value;
  if (family === 4 && addressText.includes(":")) {
    return err(`"${text}" stands for IPv4 addresses: write it as an IPv4 network`);
  }
  const bits = bytes.length * 8;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText) || prefix > bits) {
    return err(`"${text}" needs a prefix length from 0 to ${bits}`);
  }
  const network = masked(bytes, prefix);
  return ok({ text: `${textOf(network)}/${prefix}`, family, bytes: network, prefix });
}

/** Whether a network holds an address; a network of one family holds none of the other. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  if (cidr.family !== address.family) return false;
  const wholeBytes = cidr.prefix >> 3;
  for (let i = 0; i < wholeBytes; i++) {
    if (cidr.bytes[i] !== address.bytes[i]) return false;
  }
  const unusedBits = 8 - (cidr.prefix & 7);
  const last = (bytes: Uint8Array) => (bytes[wholeBytes] ?? 0) >> unusedBits;
  return unusedBits === 8 || last(cidr.bytes) === last(address.bytes);
}

/** Whether any of the networks holds an address. */
export function anyContains(cidrs: readonly Cidr[], address: Address): boolean {
  return cidrs.some((cidr) => cidrContains(cidr, address));
}

function masked(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff00 >> bits);
  });
}

function textOf(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** A host as it stands before `:PORT`: IPv6 addresses have colons of their own. */
export function hostText(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
