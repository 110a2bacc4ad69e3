/** What two instances of one daemon cannot both have. */
import ipaddr from "ipaddr.js";
import { type Cidr, formatAddress } from "../base/cidr.ts";
import type { InstanceConfig, UdpEndpoint } from "./config.ts";
import type { Placed } from "./instances.ts";
import type { Problem } from "./problem.ts";

/** Refuse control endpoints that two instances would bind. */
export function refuseSharedEndpoints(placed: readonly Placed[], problems: Problem[]): void {
  for (const [one, other] of pairs(placed)) {
    const [a, b] = [one.config, other.config];
    if (a.udp !== null && b.udp !== null && sameSocket(a.udp, b.udp)) {
      const message = `[${other.header}] UDP port ${b.udp.port} of ${b.udp.host} is taken by ` +
        `[${one.header}]: give each instance a control port of its own`;
      problems.push({ line: other.lineOf("control_port"), message });
    }
    if (a.unix !== null && a.unix.path === b.unix?.path) {
      const message = `[${other.header}] listen: ${a.unix.path} is taken by [${one.header}]`;
      problems.push({ line: other.lineOf("listen"), message });
    }
  }
}

/** Refuse media ports that two instances would hand out on one address. */
export function refuseSharedPorts(placed: readonly Placed[], problems: Problem[]): void {
  for (const [one, other] of pairs(placed)) {
    const address = sharedAddress(one.config, other.config);
    if (address === undefined || gap(one.config, other.config) > 0) continue;
    problems.push({
      line: other.lineOf("start_port"),
      message: `[${other.header}] ports ${range(other.config)} on ${address} overlap with ` +
        `${range(one.config)} of [${one.header}]: give each instance ports or addresses of its own`,
    });
  }
}

/**
 * Refuse control ports whose requests the relay's own table would drop: it takes every UDP packet to
 * the relay's ports on the media addresses. No other address is concerned, nor is TCP; and where
 * only this machine may send commands, it reaches a socket on all addresses by 127.0.0.1.
 */
export function refuseGuardedPorts(
  placed: readonly Placed[],
  allow: readonly Cidr[],
  problems: Problem[],
): void {
  for (const one of placed) {
    const { udp } = one.config;
    const owner = udp && placed.find(({ config }) => isGuarded(udp, config));
    if (!udp || !owner || isWildcard(udp) && isLoopbackOnly(allow)) continue;
    const { internalLocal, externalLocal, startPort, endPort } = owner.config;
    const addresses = [...new Set([internalLocal, externalLocal])].join(" and ");
    problems.push({
      line: one.lineOf("control_port") ?? owner.lineOf("start_port") ?? one.lineOf("control_host"),
      message: `[${one.header}] control port ${udp.port} of ${udp.host} is among the relay's own ` +
        `ports of [${owner.header}], ${startPort} to ${endPort + OVERRUN_PORTS} on ${addresses}, ` +
        "whose packets reach no program: take another control port, or listen on 127.0.0.1",
    });
  }
}

function isGuarded({ host, port }: UdpEndpoint, instance: InstanceConfig): boolean {
  const { internalLocal, externalLocal, startPort, endPort } = instance;
  if (port < startPort || port > endPort + OVERRUN_PORTS) return false;
  return isWildcard({ host, port }) || [internalLocal, externalLocal].includes(hostKey(host));
}

function isWildcard({ host }: UdpEndpoint): boolean {
  return ["0.0.0.0", "::"].includes(hostKey(host));
}

/** Whether only this machine may send commands. */
export function isLoopbackOnly(allow: readonly Cidr[]): boolean {
  return allow.every(({ family, bytes, prefix }) =>
    family === 4 ? bytes[0] === 127 && prefix >= 8 : formatAddress({ family, bytes }) === "::1"
  );
}

/** Notes on control ports that {@link refuseGuardedPorts} lets pass for the sake of this machine. */
export function guardedNotes(
  placed: readonly Placed[],
  allow: readonly Cidr[],
): readonly string[] {
  return placed.flatMap(({ header, config: { udp } }) => {
    if (!udp || !isWildcard(udp) || !isLoopbackOnly(allow)) return [];
    return placed.some(({ config }) => isGuarded(udp, config))
      ? [
        `[${header}] control port ${udp.port} is among the relay's own ports: commands reach it ` +
        "on 127.0.0.1, and never on the media addresses",
      ]
      : [];
  });
}

/** Notes on ranges so close that Kamailio, which may go 3 past the end, reaches into the next. */
export function closeRanges(placed: readonly Placed[]): readonly string[] {
  return pairs(placed)
    .filter(([one, other]) => sharedAddress(one.config, other.config) !== undefined)
    .filter(([one, other]) => gap(one.config, other.config) <= OVERRUN_PORTS)
    .map(([one, other]) =>
      `Leave ${OVERRUN_PORTS} ports free between [${one.header}] and [${other.header}]: ` +
      "Kamailio may go past the end of a range by 3, and RTCP takes one more"
    );
}

/** Kamailio may count past the end of its range by three, and RTCP needs one port more. */
export const OVERRUN_PORTS = 4;

function pairs<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((one, index) =>
    items.slice(index + 1).map((other) => [one, other] as const)
  );
}

function sharedAddress(one: InstanceConfig, other: InstanceConfig): string | undefined {
  const taken = [one.internalLocal, one.externalLocal];
  return [other.internalLocal, other.externalLocal].find((address) => taken.includes(address));
}

/** From the end of the lower range to the start of the higher; 0 or less when they overlap. */
function gap(one: InstanceConfig, other: InstanceConfig): number {
  return Math.max(other.startPort - one.endPort, one.startPort - other.endPort);
}

function range({ startPort, endPort }: InstanceConfig): string {
  return `${startPort} to ${endPort}`;
}

function sameSocket(one: UdpEndpoint, other: UdpEndpoint): boolean {
  if (one.port !== other.port) return false;
  const hosts = [hostKey(one.host), hostKey(other.host)];
  // Linux binds :: for IPv4 as well; 0.0.0.0 takes every IPv4 address, and a name may stand for
  // one.
  if (hosts.includes("::")) return true;
  if (hosts.includes("0.0.0.0")) return hosts.every((host) => !host.includes(":"));
  return hosts[0] === hosts[1];
}

function hostKey(host: string): string {
  if (host.toLowerCase() === "localhost") return "127.0.0.1";
  return ipaddr.isValid(host) ? ipaddr.process(host).toString() : host.toLowerCase();
}
