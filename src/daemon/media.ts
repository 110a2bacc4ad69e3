import { formatIpv4, type Ipv4, maskOf, parseIpv4 } from "../base/ipv4.ts";
import type { InterfaceAddress, Link } from "../rtnetlink/answers.ts";
import { Rtnetlink } from "../rtnetlink/rtnetlink.ts";
import type { InstanceConfig, SessionConfig } from "../config/config.ts";
import { OVERRUN_PORTS } from "../config/conflicts.ts";
import type { GuardedRange } from "../core/backend.ts";
import { type Admission, forbiddenRemote, type Network, type RemotePolicy } from "../core/call.ts";

/** An IPv4 address of this machine. */
export interface LocalAddress {
  readonly interface: string;
  readonly address: Ipv4;
  readonly mask: Ipv4;
  /** Whether packets come in by that interface: by a loopback or a dummy device none does. */
  readonly bringsPackets: boolean;
  /** The interface that its packets come in by, as far as is known: that same one if it brings packets. */
  readonly arrival: string;
}

/** What this machine (this network namespace) has of IPv4. */
export interface LocalNetwork {
  readonly addresses: readonly LocalAddress[];
  /** The names of the interfaces that have any. */
  readonly numbered: readonly string[];
}

/** The IPv4 addresses of this machine, and the interfaces that have any. */
export function localNetwork(): LocalNetwork {
  using rtnetlink = new Rtnetlink();
  return localNetworkOf(rtnetlink.addresses(), rtnetlink.links());
}

/** The same of what the kernel has said already. */
export function localNetworkOf(
  addresses: readonly InterfaceAddress[],
  links: readonly Link[],
): LocalNetwork {
  return {
    addresses: localAddressesOf(addresses, links),
    numbered: numberedInterfaces(addresses, links),
  };
}

/**
 * The names of the interfaces that have an IPv4 address. A VRF and its members are one: what comes in by a member is
 * routed as if it had come in by the VRF.
 */
function numberedInterfaces(
  addresses: readonly InterfaceAddress[],
  links: readonly Link[],
): readonly string[] {
  const vrfs = new Set(links.filter(({ kind }) => kind === "vrf").map(({ index }) => index));
  const domainOf = ({ index, master }: Link): number => vrfs.has(master) ? master : index;
  const own = new Set(addresses.map(({ index }) => index));
  const numbered = new Set(links.filter(({ index }) => own.has(index)).map(domainOf));
  return links.filter((link) => numbered.has(domainOf(link))).map(({ name }) => name);
}

/** Addresses with their interfaces; one whose interface has just gone is left out. */
export function localAddressesOf(
  addresses: readonly InterfaceAddress[],
  links: readonly Link[],
): readonly LocalAddress[] {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  return addresses.flatMap(({ index, address, prefix }) => {
    const link = byIndex.get(index);
    if (!link) return [];
    const { name, bringsPackets } = link;
    return [{ interface: name, address, mask: maskOf(prefix), bringsPackets, arrival: name }];
  });
}

/** Every advertised or local media address of an instance. */
function addressesOf(instance: InstanceConfig): readonly string[] {
  const { internalIp, externalIp, internalLocal, externalLocal } = instance;
  return [internalIp, externalIp, internalLocal, externalLocal];
}

/**
 * The interfaces that have the instances' local addresses and bring packets for them, and the addresses that no
 * interface has.
 */
export function mediaInterfaces(
  instances: readonly InstanceConfig[],
  addresses: readonly LocalAddress[],
): { readonly interfaces: readonly string[]; readonly missing: readonly string[] } {
  const wanted = new Set(instances.flatMap((each) => [each.internalLocal, each.externalLocal]));
  const interfaces = new Set<string>();
  const missing: string[] = [];
  for (const text of wanted) {
    const carriers = addresses.filter(({ address }) => formatIpv4(address) === text);
    if (carriers.length === 0) missing.push(text);
    for (const { interface: name, bringsPackets } of carriers) {
      if (bringsPackets) interfaces.add(name);
    }
  }
  return { interfaces: [...interfaces], missing };
}

/** Where the relay's sockets are; no two ranges overlap. */
export function guardedRanges(instances: readonly InstanceConfig[]): readonly GuardedRange[] {
  const ranges = instances.flatMap(({ internalLocal, externalLocal, startPort, endPort }) =>
    [internalLocal, externalLocal].map((text) => ({
      address: mustParse(text),
      startPort,
      endPort: Math.min(65535, endPort + OVERRUN_PORTS),
    }))
  ).sort((one, other) => one.address - other.address || one.startPort - other.startPort);
  const merged: GuardedRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last?.address === range.address && range.startPort <= last.endPort + 1) {
      merged[merged.length - 1] = { ...last, endPort: Math.max(last.endPort, range.endPort) };
    } else {
      merged.push(range);
    }
  }
  return merged;
}

/**
 * The admission rules of each instance by name. Of several with one name all addresses are valid; the
 * last one says what carries an address.
 */
export function admissions(
  instances: readonly InstanceConfig[],
  session: SessionConfig,
  addresses: readonly LocalAddress[],
): ReadonlyMap<string, Admission> {
  const policy: RemotePolicy = {
    own: new Set([
      ...instances.flatMap(addressesOf).map(mustParse),
      ...addresses.map(({ address }) => address),
    ]),
    broadcast: new Set(addresses.flatMap(broadcastOf)),
    refuse: session.refuse.filter(({ family }) => family === 4).map(asNetwork),
  };
  const forbidden = (remote: Ipv4): string | null => forbiddenRemote(remote, policy);
  const admissions = new Map<string, Admission>();
  for (const { name, ...instance } of instances) {
    const localAddress = new Map([
      ...admissions.get(name)?.localAddress ?? [],
      [instance.internalIp, mustParse(instance.internalLocal)],
      [instance.externalIp, mustParse(instance.externalLocal)],
    ]);
    admissions.set(name, { localAddress, forbidden });
  }
  return admissions;
}

function broadcastOf({ address, mask }: LocalAddress): readonly Ipv4[] {
  // Networks of one or two addresses have no broadcast address (RFC 3021).
  return mask >= maskOf(31) ? [] : [(address | ~mask) >>> 0];
}

function asNetwork({ bytes, prefix }: { bytes: Uint8Array; prefix: number }): Network {
  const address = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  return { address, prefix };
}

function mustParse(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (!address.ok) throw new Error(`The configuration let "${text}" pass as an address`);
  return address.value;
}
