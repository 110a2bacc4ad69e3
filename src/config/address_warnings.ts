/** What this machine's addresses say against a configuration that is valid all the same. */
import ipaddr from "ipaddr.js";
import type { Config, InstanceConfig } from "./config.ts";

/** An address of this machine. */
export interface OwnAddress {
  readonly interface: string;
  readonly address: string;
}

/** The keys of an instance that say its addresses on this machine, as the file has them. */
function addressKeys(
  instance: InstanceConfig,
): readonly (readonly [key: string, address: string])[] {
  const { internalIp, internalLocal, externalIp, externalLocal } = instance;
  return [
    [internalIp === internalLocal ? "internal_ip" : "internal_local", internalLocal],
    [externalIp === externalLocal ? "external_ip" : "external_local", externalLocal],
  ];
}

/** The section of an instance: `[kernel]` or `[instance NAME]`. */
export function sectionOf({ name }: InstanceConfig): string {
  return name === "default" ? "[kernel]" : `[instance ${name}]`;
}

/** Where a file says addresses: its keys, and their lines as far as it has any. */
export interface WhereSaid {
  readonly keys: readonly string[];
  readonly lines: readonly number[];
}

/** What speaks against the addresses of an instance. */
export interface AddressDoubt {
  readonly where: WhereSaid;
  /** What the keys say, and what is wrong with that: `10.10.1.2, which no interface has (…)`. */
  readonly what: string;
}

/** Addresses of an instance that no interface has, and a pair that looks swapped. */
export function doubtsAbout(
  { addressLines }: Config,
  instance: InstanceConfig,
  own: readonly OwnAddress[],
): readonly AddressDoubt[] {
  const lines = addressLines[instance.name];
  const missing = missingKeys(instance, own).map(([key, address]): AddressDoubt => ({
    where: {
      keys: [key],
      lines: linesOf(key.startsWith("internal") ? lines?.internal : lines?.external),
    },
    what: `${address}, which no interface of this machine has (there are ${ownText(own)})`,
  }));
  if (!looksSwapped(instance)) return missing;
  const { internalIp, externalIp } = instance;
  const where = {
    keys: ["internal_ip", "external_ip"],
    lines: linesOf(lines?.internalIp, lines?.externalIp),
  };
  const kinds = "which look swapped, a public address inside and a private one outside";
  return [...missing, { where, what: `${internalIp} and ${externalIp}, ${kinds}` }];
}

function linesOf(...lines: readonly (number | null | undefined)[]): readonly number[] {
  return lines.flatMap((line) => line ?? []);
}

/** Addresses that no interface has, and those that look swapped; a line each. */
export function addressWarnings(config: Config, own: readonly OwnAddress[]): readonly string[] {
  return [
    ...config.instances.flatMap((instance) => missing(config, instance, own)),
    ...config.instances.filter(looksSwapped).map((instance) => swapped(config, instance)),
  ];
}

function swapped({ addressLines }: Config, instance: InstanceConfig): string {
  const { name, internalIp, externalIp } = instance;
  const { internalIp: first, externalIp: second } = addressLines[name] ?? {};
  const lines = linesOf(first, second);
  const where = lines.length === 2 ? `lines ${lines.join(" and ")}: ` : "";
  return `${where}${
    sectionOf(instance)
  } internal_ip and external_ip look swapped: internal_ip ${internalIp} is a public address, external_ip ` +
    `${externalIp} a private one; the other way round it is ${swappedLines(instance).join(", ")}`;
}

/** How to correct a file, where nobody knows which key is wrong. */
const CORRECTION =
  "correct it in lrkproxy.ini, lrkproxy reload, and restart Kamailio, which asks only when it starts";

/** What cures that no interface has an address. */
export function missingAddressRemedy(
  address: string,
  correction = CORRECTION,
): readonly string[] {
  return [
    `ip address add ${address}/PREFIX dev INTERFACE   # if the address is right, and should be here`,
    `or, if it is wrong, ${correction}`,
  ];
}

/** The lines of an instance's addresses as they would be the other way round. */
export function swappedLines(instance: InstanceConfig): readonly string[] {
  const { internalIp, externalIp, internalLocal, externalLocal } = instance;
  return [
    `internal_ip : ${externalIp}`,
    `external_ip : ${internalIp}`,
    ...externalIp === externalLocal ? [] : [`internal_local : ${externalLocal}`],
    ...internalIp === internalLocal ? [] : [`external_local : ${internalLocal}`],
  ];
}

/** The keys whose addresses no interface has; an address for both sides is one mistake. */
function missingKeys(
  instance: InstanceConfig,
  own: readonly OwnAddress[],
): readonly (readonly [key: string, address: string])[] {
  const said = new Set<string>();
  return addressKeys(instance).filter(([, address]) => {
    if (said.has(address) || own.some((each) => each.address === address)) return false;
    said.add(address);
    return true;
  });
}

function missing(
  { addressLines }: Config,
  instance: InstanceConfig,
  own: readonly OwnAddress[],
): readonly string[] {
  const lines = addressLines[instance.name];
  return missingKeys(instance, own).map(([key, address]) => {
    const line = key.startsWith("internal") ? lines?.internal : lines?.external;
    const where = line ? `line ${line}: ` : "";
    return `${where}${
      sectionOf(instance)
    } ${key} ${address}: no interface of this machine has this address ` +
      `(there are ${ownText(own)}); nothing is relayed there until one has it`;
  });
}

/** `10.10.1.1 on inside, 192.0.2.1 on outside`: those that media may have. */
export function ownText(own: readonly OwnAddress[]): string {
  const usable = own.filter(({ address }) => ipaddr.parse(address).range() !== "loopback");
  const text = usable.map((each) => `${each.address} on ${each.interface}`).join(", ");
  return text === "" ? "none but the loopback's" : text;
}

/** Kinds of addresses that nobody on the internet can send to. */
const PRIVATE = ["private", "carrierGradeNat", "linkLocal"];

/** Whether what phones are told is public, and what the carrier is told is private. */
export function looksSwapped({ internalIp, externalIp }: InstanceConfig): boolean {
  return isPrivate(externalIp) && !isPrivate(internalIp);
}

/** Whether what phones are told is private, and what the carrier is told is public. */
export function looksRight({ internalIp, externalIp }: InstanceConfig): boolean {
  return isPrivate(internalIp) && !isPrivate(externalIp);
}

function isPrivate(text: string): boolean {
  return PRIVATE.includes(ipaddr.parse(text).range());
}

/** The key of a file that says an address of this machine: `[kernel] external_ip`. */
export function keyOf(instances: readonly InstanceConfig[], address: string): string {
  for (const instance of instances) {
    const key = addressKeys(instance).find(([, each]) => each === address)?.[0];
    if (key) return `${sectionOf(instance)} ${key}`;
  }
  return "the address";
}
