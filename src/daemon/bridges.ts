import { readSmallFile } from "../base/libc.ts";
import type { Link } from "../rtnetlink/answers.ts";

const CALL_IPTABLES = "/proc/sys/net/bridge/bridge-nf-call-iptables";

/**
 * Bridges that lose media. With bridge-nf-call-iptables (module br_netfilter, which Docker and Kubernetes load) a
 * bridge runs PREROUTING itself, finds a new destination behind the same bridge, and hands the frame on there instead of
 * to the routing; to the port that it came in by it never does (br_nf_pre_routing_finish() in
 * net/bridge/br_netfilter_hooks.c). So calls that come in by one bridge and leave by another interface are relayed.
 */
export function bridgeWarnings(
  interfaces: readonly string[],
  links: readonly Link[],
): readonly string[] {
  const isForAll = readSmallFile(CALL_IPTABLES)?.trim() === "1";
  const [only, ...others] = interfaces;
  const bridge = links.find(({ name, kind }) => name === only && kind === "bridge");
  if (!bridge || others.length > 0 || !(isForAll || bridge.callsIptables)) return [];
  const setting = isForAll
    ? "net.bridge.bridge-nf-call-iptables is 1"
    : "its own nf_call_iptables is 1";
  const ports = links.filter(({ master }) => master === bridge.index);
  const which = ports.length === 1
    ? `all media are lost, since both parties are behind its only port ${ports[0]?.name}`
    : "media are lost between parties that are behind the same port of it";
  return [
    `Bridge ${bridge.name} carries the media of both sides and asks iptables about bridged frames (${setting}): ${which}`,
  ];
}
