import { type Endpoint, formatIpv4, type Ipv4 } from "../base/ipv4.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import { OVERRUN_PORTS } from "../config/conflicts.ts";
import type { SessionView } from "../control/admin.ts";
import { guardedRanges, type LocalAddress } from "../daemon/media.ts";
import { endsOf } from "./ends.ts";
import type { RouteProbe } from "./facts.ts";

/** One direction of an instance's media through the machine. */
export interface MediaPath {
  /** The relay's address that the party sends to, and the interface that its packets come in by. */
  readonly arrival: Ipv4;
  readonly iif: string;
  /** The relay's address that packets carry behind the rewriting, and the interface that they leave by. */
  readonly source: Ipv4;
  readonly oif: string;
  /** First and last port of the relay, on either side. */
  readonly ports: readonly [first: number, last: number];
  /** The very packets, if they are of one call; else they may be anybody's, at any of the ports. */
  readonly call: CallPackets | null;
}

/** RTP of one party of a call on its way to the other. */
export interface CallPackets {
  readonly sender: Endpoint;
  /** The relay's port that it comes to, and the one that it leaves from. */
  readonly arrivalPort: number;
  readonly sourcePort: number;
  readonly receiver: Endpoint;
}

/** The ports of an instance, those behind the end of the range too. */
export function portsOf({ startPort, endPort }: InstanceConfig): readonly [number, number] {
  return [startPort, Math.min(65535, endPort + OVERRUN_PORTS)];
}

/** Both directions of all instances, as far as their addresses are on interfaces. */
export function mediaPaths(
  config: Config,
  addresses: readonly LocalAddress[],
): readonly MediaPath[] {
  return config.instances.flatMap((instance) => {
    const inside = place(instance.internalLocal, addresses);
    const outside = place(instance.externalLocal, addresses);
    if (!inside || !outside) return [];
    const ports = portsOf(instance);
    const path = (from: LocalAddress, to: LocalAddress): MediaPath => ({
      arrival: from.address,
      iif: from.arrival,
      source: to.address,
      oif: to.arrival,
      ports,
      call: null,
    });
    const isOneAddress = inside.address === outside.address;
    return isOneAddress ? [path(inside, outside)] : [path(inside, outside), path(outside, inside)];
  });
}

/** More calls than these are not looked at: their ways are much the same. */
const MOST_CALLS = 200;

/** Both directions of live calls, by the routes as far as they were asked for; none that the kernel module relays. */
export function callPaths(
  config: Config,
  sessions: readonly SessionView[],
  { addresses, routes }: {
    readonly addresses: readonly LocalAddress[];
    readonly routes: readonly RouteProbe[];
  },
): readonly MediaPath[] {
  const interfaceTo = (relay: Endpoint, party: Endpoint): string | undefined => {
    const [from, to] = [formatIpv4(relay.address), formatIpv4(party.address)];
    const probe = routes.find((each) => each.from === from && each.to === to && each.way.ok);
    return probe?.way.ok ? probe.way.value : place(from, addresses)?.arrival;
  };
  const live = sessions.filter(({ path, state }) => path !== "kmod" && state !== "stale");
  return live.slice(0, MOST_CALLS).flatMap(({ instance: name, caller, callee }) =>
    [endsOf(caller, callee), endsOf(callee, caller)].flatMap((ends): readonly MediaPath[] => {
      if (!ends) return [];
      const { sender, arrival, source, receiver } = ends;
      const [iif, oif] = [interfaceTo(arrival, sender), interfaceTo(source, receiver)];
      if (iif === undefined || oif === undefined) return [];
      const instance = config.instances.find((each) => each.name === name);
      return [{
        ...{ arrival: arrival.address, iif, source: source.address, oif },
        ports: instance ? portsOf(instance) : [source.port, source.port + 1],
        call: { sender, arrivalPort: arrival.port, sourcePort: source.port, receiver },
      }];
    })
  );
}

function place(text: string, addresses: readonly LocalAddress[]): LocalAddress | undefined {
  return addresses.find(({ address }) => formatIpv4(address) === text);
}

/** The local media addresses, each once. */
export function mediaAddresses({ instances }: Config): readonly string[] {
  const all = instances.flatMap((
    { internalLocal, externalLocal },
  ) => [internalLocal, externalLocal]);
  return [...new Set(all)];
}

/** Whether one of the relay's sockets may have this address (0: any address) and port. */
export function isRelaySocket(config: Config, address: Ipv4, port: number): boolean {
  return guardedRanges(config.instances).some((range) =>
    (address === 0 || range.address === address) && port >= range.startPort &&
    port <= range.endPort
  );
}

/** Whether commands are taken on this UDP port. */
export function isControlPort({ instances }: Config, port: number): boolean {
  return instances.some(({ udp }) => udp?.port === port);
}
