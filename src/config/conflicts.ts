/** What two instances of one daemon cannot both have. */
import ipaddr from "ipaddr.js";
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

const OVERRUN_PORTS = 4;

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
  return ipaddr.isValid(host) ? ipaddr.parse(host).toString() : host.toLowerCase();
}
