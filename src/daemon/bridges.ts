import { formatIpv4 } from "../base/ipv4.ts";
import { readSmallFile } from "../base/libc.ts";
import type { InstanceConfig } from "../config/config.ts";
import type { Link } from "../rtnetlink/answers.ts";
import type { LocalAddress } from "./media.ts";

const CALL_IPTABLES = "/proc/sys/net/bridge/bridge-nf-call-iptables";

/**
 * Bridges that lose media. With bridge-nf-call-iptables (module br_netfilter, which Docker and Kubernetes load) a
 * bridge runs PREROUTING itself, finds a new destination behind the same bridge, and hands the frame on there instead of
 * to the routing; to the port that it came in by it never does (br_nf_pre_routing_finish() in
 * net/bridge/br_netfilter_hooks.c). So calls that come in by one bridge and leave by another interface are relayed.
 */
export function bridgeWarnings(media: MediaInterfaces, links: readonly Link[]): readonly string[] {
  const isForAll = readSmallFile(CALL_IPTABLES)?.trim() === "1";
  return links.filter((link) => link.kind === "bridge" && (isForAll || link.callsIptables))
    .filter(({ name }) => carriesBothSides(name, media))
    .map((bridge) => bridgeWarning(bridge, links, isForAll));
}

/** Where media come in, and where the addresses are. */
export interface MediaInterfaces {
  readonly interfaces: readonly string[];
  readonly addresses: readonly LocalAddress[];
  readonly instances: readonly InstanceConfig[];
}

function carriesBothSides(
  name: string,
  { interfaces, addresses, instances }: MediaInterfaces,
): boolean {
  const own = addresses.filter((each) => each.interface === name)
    .map(({ address }) => formatIpv4(address));
  return interfaces.join() === name ||
    instances.some(({ internalLocal, externalLocal }) =>
      own.includes(internalLocal) && own.includes(externalLocal)
    );
}

function bridgeWarning(bridge: Link, links: readonly Link[], isForAll: boolean): string {
  const setting = isForAll
    ? "net.bridge.bridge-nf-call-iptables is 1"
    : "its own nf_call_iptables is 1";
  const ports = links.filter(({ master }) => master === bridge.index);
  const which = ports.length === 1
    ? `all media between parties behind its only port ${ports[0]?.name} are lost`
    : "media are lost between parties that are behind the same port of it";
  return `Bridge ${bridge.name} carries the media of both sides and asks iptables about bridged frames (${setting}): ${which}`;
}
