/** The media instances of a file: what they inherit, and that no two are in each other's way. */
import type { InstanceConfig, UdpEndpoint, UnixEndpoint } from "./config.ts";
import { refuseGuardedPorts, refuseSharedEndpoints, refuseSharedPorts } from "./conflicts.ts";
import type { Problem } from "./problem.ts";
import type { INSTANCE_HEADER, ValuesOf } from "./schema.ts";
import type { Given } from "./sections.ts";

type KernelValues = ValuesOf<"kernel">;
type InstanceValues = ValuesOf<typeof INSTANCE_HEADER>;

/** The sections that instances are made of. */
export interface InstanceSections {
  readonly kernel: Given<KernelValues>;
  readonly udpSocket: Given<ValuesOf<"UDP socket">>;
  readonly unixSocket: Given<ValuesOf<"UNIX socket">>;
  /** Null for an instance with a value that is refused. */
  readonly instances: readonly (Given<InstanceValues> | null)[];
}

/** An instance and where the file says so. */
export interface Placed {
  readonly config: InstanceConfig;
  readonly header: string;
  lineOf(key: keyof InstanceValues): number | null;
}

/** An address that SDP says, and the address of this machine that carries it. */
interface Side {
  readonly ip: string;
  readonly local: string;
}

/** Make the instances of a file; what does not fit is added to `problems`. */
export function placeInstances(sections: InstanceSections, problems: Problem[]): readonly Placed[] {
  const first = defaultInstance(sections);
  const others = sections.instances
    .filter((given) => given !== null)
    .map((given) => namedInstance(given, sections, problems));
  const placed = [first, ...others].filter((instance) => instance !== null);
  if (first === null && sections.instances.length === 0) {
    problems.push({
      line: sections.kernel.headerLine,
      message: "[kernel] internal_ip is not set: give it this machine's address for media",
    });
  }
  for (const instance of placed) checkInstance(instance, problems);
  refuseSharedEndpoints(placed, problems);
  refuseSharedPorts(placed, problems);
  refuseGuardedPorts(placed, sections.udpSocket.values.allow, problems);
  return placed;
}

function defaultInstance(sections: InstanceSections): Placed | null {
  const { kernel, udpSocket, unixSocket } = sections;
  const internal = internalOf(kernel.values);
  if (internal === null) return null;
  const external = side(kernel.values.external_ip, kernel.values.external_local, internal);
  const { socket_udp_host: host, socket_udp_port: port } = udpSocket.values;
  return {
    header: "kernel",
    config: {
      name: "default",
      udp: udpEndpoint(host, port),
      unix: unixEndpoint(unixSocket.values.listen, unixSocket.values.mode),
      ...addresses(internal, external),
      startPort: kernel.values.start_port,
      endPort: kernel.values.end_port,
      currentPort: kernel.values.current_port ?? kernel.values.start_port,
    },
    lineOf(key) {
      if (key === "control_host") return udpSocket.lineOf("socket_udp_host");
      if (key === "control_port") return udpSocket.lineOf("socket_udp_port");
      return key === "listen" ? unixSocket.lineOf("listen") : kernel.lineOf(key);
    },
  };
}

function namedInstance(
  given: Given<InstanceValues>,
  { kernel, udpSocket, unixSocket }: InstanceSections,
  problems: Problem[],
): Placed | null {
  const { values, header } = given;
  const inherited = internalOf(kernel.values);
  const internal = side(values.internal_ip, values.internal_local, inherited);
  if (internal === null) {
    problems.push({
      line: given.headerLine,
      message: `[${header}] internal_ip is not set, and neither is that of [kernel]`,
    });
    return null;
  }
  const host = values.control_host ?? udpSocket.values.socket_udp_host;
  const startPort = values.start_port ?? kernel.values.start_port;
  return {
    header,
    config: {
      name: header.slice("instance ".length),
      udp: udpEndpoint(host, values.control_port ?? 0),
      unix: unixEndpoint(values.listen, unixSocket.values.mode),
      ...addresses(internal, externalOf(values, kernel.values, internal)),
      startPort,
      endPort: values.end_port ?? kernel.values.end_port,
      currentPort: values.current_port ?? startPort,
    },
    lineOf: (key) => given.lineOf(key) ?? given.headerLine,
  };
}

function internalOf(kernel: KernelValues): Side | null {
  return side(kernel.internal_ip, kernel.internal_local, null);
}

// An external address that the file gives to all instances goes before the instance's internal one.
function externalOf(values: InstanceValues, kernel: KernelValues, internal: Side): Side {
  const ownInternal = values.internal_ip !== null;
  const inherited = kernel.external_ip === null && ownInternal
    ? internal
    : side(kernel.external_ip, kernel.external_local, internal);
  return side(values.external_ip, values.external_local, inherited);
}

function side(ip: string | null, local: string | null, otherwise: Side): Side;
function side(ip: string | null, local: string | null, otherwise: Side | null): Side | null;
function side(ip: string | null, local: string | null, otherwise: Side | null): Side | null {
  if (ip !== null) return { ip, local: local ?? ip };
  return otherwise === null ? null : { ip: otherwise.ip, local: local ?? otherwise.local };
}

function addresses(internal: Side, external: Side) {
  return {
    internalIp: internal.ip,
    externalIp: external.ip,
    internalLocal: internal.local,
    externalLocal: external.local,
  };
}

function udpEndpoint(host: string, port: number): UdpEndpoint | null {
  return port === 0 ? null : { host, port };
}

function unixEndpoint(path: string | null, mode: number): UnixEndpoint | null {
  return path === null ? null : { path, mode };
}

function checkInstance({ config, header, lineOf }: Placed, problems: Problem[]): void {
  const { startPort, endPort, currentPort } = config;
  const refuse = (key: keyof InstanceValues, message: string) =>
    problems.push({ line: lineOf(key), message: `[${header}] ${message}` });
  if (startPort >= endPort) {
    refuse("end_port", `end_port: ${endPort} is not above start_port, which is ${startPort}`);
  } else if (endPort - startPort < 3) {
    refuse("end_port", `end_port: ${startPort} to ${endPort} is too few: a call takes 4 ports`);
  } else if (currentPort < startPort || currentPort > endPort) {
    refuse("current_port", `current_port: ${currentPort} is not in ${startPort} to ${endPort}`);
  }
  if (config.udp === null && config.unix === null) {
    refuse("control_port", "nobody can send it commands: set a UDP port, or listen");
  }
}
