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

/** Addresses that no interface has, and those that look swapped; a line each. */
export function addressWarnings(config: Config, own: readonly OwnAddress[]): readonly string[] {
  return [
    ...config.instances.flatMap((instance) => missing(config, instance, own)),
    ...config.instances.filter(looksSwapped).map((instance) =>
      `${
        sectionOf(instance)
      } internal_ip and external_ip look swapped: internal_ip ${instance.internalIp} ` +
      `is a public address, external_ip ${instance.externalIp} a private one`
    ),
  ];
}

function missing(
  { addressLines }: Config,
  instance: InstanceConfig,
  own: readonly OwnAddress[],
): readonly string[] {
  const [internalKey, externalKey] = addressKeys(instance);
  const lines = addressLines[instance.name];
  const keys = [[internalKey, lines?.internal], [externalKey, lines?.external]] as const;
  const said = new Set<string>();
  return keys.flatMap(([pair, line]) => {
    const [key = "", address = ""] = pair ?? [];
    // An address for both sides is one mistake.
    if (said.has(address) || own.some((each) => each.address === address)) return [];
    said.add(address);
    const where = line ? `line ${line}: ` : "";
    return [
      `${where}${
        sectionOf(instance)
      } ${key} ${address}: no interface of this machine has this address ` +
      `(there are ${ownText(own)}); nothing is relayed there until one has it`,
    ];
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
  const isPrivate = (text: string): boolean => PRIVATE.includes(ipaddr.parse(text).range());
  return isPrivate(externalIp) && !isPrivate(internalIp);
}

/** The key of a file that says an address of this machine: `[kernel] external_ip`. */
export function keyOf(instances: readonly InstanceConfig[], address: string): string {
  for (const instance of instances) {
    const key = addressKeys(instance).find(([, each]) => each === address)?.[0];
    if (key) return `${sectionOf(instance)} ${key}`;
  }
  return "the address";
}
