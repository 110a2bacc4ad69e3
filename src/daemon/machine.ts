import type { Logger } from "../base/log.ts";
import { readSmallFile } from "../base/libc.ts";
import type { Config } from "../config/config.ts";
import { applySysctls, type Sysctl } from "../nft/sysctls.ts";
import { localAddresses, mediaInterfaces } from "./media.ts";

/** What the machine lacks or has been given for relaying. */
export interface MediaState {
  readonly interfaces: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Make the machine fit for relaying and tell the log what is new since `before`. It is done again
 * and again, since addresses and interfaces come and go (VRRP, hot plug).
 */
export function prepareMedia(config: Config, log: Logger, before: MediaState | null): MediaState {
  const found = mediaInterfaces(config.instances, localAddresses());
  const interfaces = config.interfaces === "auto" ? found.interfaces : config.interfaces;
  const sysctls = applySysctls(interfaces);
  for (const { name, was, needed, error } of sysctls) {
    if (error === null && was !== needed) {
      log.info("Setting changed", { sysctl: name, was, now: needed });
    }
  }
  const warnings = [
    ...found.missing.map((address) => `No interface has the media address ${address}`),
    ...sysctls.flatMap(sysctlWarning),
    ...rangeWarnings(config),
  ];
  for (const warning of warnings) if (!before?.warnings.includes(warning)) log.warn(warning);
  const settings = sysctls.map(({ name, needed, was, error }) => [name, error ? was : needed]);
  return { interfaces, sysctls: Object.fromEntries(settings), warnings };
}

function sysctlWarning({ name, was, needed, error }: Sysctl): readonly string[] {
  return error === null ? [] : [`${name} is ${was || "missing"} but has to be ${needed}: ${error}`];
}

/** Packets to the relay's ports never reach a program of this machine, so none may get such a port. */
function rangeWarnings({ instances }: Config): readonly string[] {
  const [low, high] = (readSmallFile("/proc/sys/net/ipv4/ip_local_port_range") ?? "").trim().split(
    /\s+/,
  )
    .map(Number);
  const reserved = readSmallFile("/proc/sys/net/ipv4/ip_local_reserved_ports")?.trim() ?? "";
  return instances.flatMap(({ name, startPort, endPort }) => {
    const overlaps = low !== undefined && high !== undefined && startPort <= high && endPort >= low;
    if (!overlaps || isReserved(reserved, startPort, endPort)) return [];
    return [
      `Relay ports ${startPort}-${endPort} of instance "${name}" overlap net.ipv4.ip_local_port_range ` +
      `${low}-${high}: add them to net.ipv4.ip_local_reserved_ports`,
    ];
  });
}

function isReserved(reserved: string, startPort: number, endPort: number): boolean {
  return reserved.split(",").some((range) => {
    const [from = NaN, to = from] = range.split("-").map(Number);
    return from <= startPort && to >= endPort;
  });
}
