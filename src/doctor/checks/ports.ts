import { formatIpv4 } from "../../base/ipv4.ts";
import type { Config } from "../../config/config.ts";
import { loadConfigText } from "../../config/load.ts";
import type { Facts } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";
import { isControlPort, isRelaySocket, portsOf } from "../media_paths.ts";

type Ports = readonly [first: number, last: number];

/** Ports in the notation of ip_local_reserved_ports. */
export function parsePortList(text: string): readonly Ports[] {
  return text.split(",").filter((part) => part.trim() !== "").map((part) => {
    const [first = NaN, last = first] = part.split("-").map(Number);
    return [first, last];
  });
}

/** The relay's ports that the kernel may hand out to programs, which would hear nothing on them. */
export function unreservedPorts(config: Config, sysctls: Facts["sysctls"]): readonly Ports[] {
  const [low = 0, high = 0] = (sysctls["net/ipv4/ip_local_port_range"] ?? "").split(/\s+/).map(
    Number,
  );
  const reserved = parsePortList(sysctls["net/ipv4/ip_local_reserved_ports"] ?? "");
  const ranges = merged(config.instances.map(portsOf));
  return ranges.filter(([first, last]) => {
    const from = Math.max(first, low);
    const to = Math.min(last, high);
    return from <= to && !covers(reserved, from, to);
  });
}

function merged(ranges: readonly Ports[]): readonly Ports[] {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((one, other) => one[0] - other[0])) {
    const before = result.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else result.push([first, last]);
  }
  return result;
}

function covers(ranges: readonly Ports[], from: number, to: number): boolean {
  return merged(ranges).some(([first, last]) => first <= from && last >= to);
}

/** What ip_local_reserved_ports has to be: what it is, and the relay's ports. */
export function reservedPortsFor(config: Config, sysctls: Facts["sysctls"]): string {
  const reserved = parsePortList(sysctls["net/ipv4/ip_local_reserved_ports"] ?? "");
  return merged([...reserved, ...unreservedPorts(config, sysctls)])
    .map(([first, last]) => first === last ? String(first) : `${first}-${last}`).join(",");
}

/** Are the relay's ports kept from other programs? */
export function checkReserved({ config, sysctls }: Facts): readonly Finding[] {
  const id = "ports.reserved";
  if (!config.ok) return [];
  const range = sysctls["net/ipv4/ip_local_port_range"];
  if (range === undefined) return [skipped(id, "cannot read net.ipv4.ip_local_port_range")];
  const open = unreservedPorts(config.value, sysctls);
  if (open.length === 0) {
    return [good(id, "the kernel hands none of the relay's ports to programs")];
  }
  const ports = open.map((pair) => pair.join("-")).join(", ");
  return [
    warning(
      id,
      `relay ports ${ports} overlap net.ipv4.ip_local_port_range ${range.replace(/\s+/, "-")}`,
      {
        why: "a program that is given such a port hears nothing on it",
        remedy: [
          `sysctl -w net.ipv4.ip_local_reserved_ports=${reservedPortsFor(config.value, sysctls)}`,
        ],
      },
    ),
  ];
}

/** More sockets than these are not named one by one. */
const FEW = 4;

/** Has anybody else sockets where the relay's are? */
export function checkTaken({ config, sockets, engines, daemon }: Facts): readonly Finding[] {
  const id = "ports.taken";
  if (!config.ok) return [];
  if (!sockets.ok) return [skipped(id, sockets.error)];
  const taken = sockets.value.filter(({ address, port }) =>
    isRelaySocket(config.value, address, port)
  );
  const rival = !daemon.status.ok && !daemon.ownsTable &&
    sockets.value.find(({ port }) => isControlPort(config.value, port));
  const findings: Finding[] = [];
  if (taken.length > 0) {
    const some = taken.slice(0, FEW).map(({ address, port, program }) =>
      `${formatIpv4(address)}:${port} of ${program ?? "some program"}`
    );
    const more = taken.length > FEW ? ` and ${taken.length - FEW} more` : "";
    findings.push(
      failure(id, `sockets on the relay's ports: ${some.join(", ")}${more}`, {
        why: "the relay takes every packet to its ports: that program hears nothing",
        remedy: ["stop that program or give it other ports", "ss -lunp"],
      }),
    );
  }
  if (rival) {
    findings.push(
      failure(id, `control port ${rival.port} is taken by ${rival.program ?? "some program"}`, {
        why: "lrkproxy cannot start while it is",
        remedy: [`ss -lunp sport = :${rival.port}`],
      }),
    );
  }
  if (findings.length > 0) return findings;
  return [
    engines.length === 0
      ? good(id, "nobody else has sockets on the relay's ports")
      : warning(id, `another engine runs here: ${engines.join(", ")}`, {
        why: "it may open sockets on the relay's ports at any call",
        remedy: ["give the two engines ranges of ports that do not overlap"],
      }),
  ];
}

/** A call takes RTP and RTCP on either side. */
const PORTS_A_CALL = 4;
const NEARLY_FULL = 0.8;

/** `[kernel] max_sessions` where the file does not say it, and so not what is wanted. */
function defaultMaxSessions(): number | null {
  const config = loadConfigText("[kernel]\ninternal_ip : 192.0.2.1\n", "defaults");
  return config.ok ? config.value.maxSessions : null;
}

/** Do the ranges hold the calls that are wanted? */
export function checkCapacity({ config, daemon }: Facts): readonly Finding[] {
  const id = "ports.capacity";
  if (!config.ok) return [];
  const { instances, maxSessions } = config.value;
  const calls = instances.reduce(
    (sum, { startPort, endPort }) => sum + Math.floor((endPort - startPort + 1) / PORTS_A_CALL),
    0,
  );
  const remedy = [
    "widen start_port to end_port, or add addresses: [instance NAME] with internal_ip, external_ip, control_port",
  ];
  const findings: Finding[] = [];
  if (maxSessions > calls && maxSessions !== defaultMaxSessions()) {
    findings.push(
      warning(id, `the port ranges hold ${calls} calls, max_sessions is ${maxSessions}`, {
        why: "Kamailio begins again at start_port, into the ports of live calls",
        remedy,
      }),
    );
  }
  for (const each of daemon.status.ok ? daemon.status.value.instances : []) {
    const { name, portsInUse, ports } = each;
    const [first = 0, last = 0] = ports.split("-").map(Number);
    const share = portsInUse / Math.max(1, last - first + 1);
    if (share < NEARLY_FULL) continue;
    const use = `${Math.round(share * 100)} % of its ports (${each.calls} of ${each.room} calls)`;
    findings.push(
      warning(id, `instance ${name} uses ${use}`, {
        why: "new calls soon get the ports of live ones",
        remedy,
      }),
    );
  }
  return findings.length > 0
    ? findings
    : [good(id, `the port ranges hold ${calls} calls at a time`)];
}
