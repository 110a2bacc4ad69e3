import type { Config } from "../../config/config.ts";
import type { Facts, TrackedFlow } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";
import { evaluate } from "../firewall/evaluate.ts";
import type { Chain, Table } from "../firewall/model.ts";
import { ownerOf } from "../firewall/remedy.ts";
import { mediaAddresses, type MediaPath, mediaPaths, portsOf } from "../media_paths.ts";
import { packetsAt } from "./firewall.ts";

/** Priority of the relay's chain, and of iptables' raw table, which may come before or after it. */
const RAW_PRIORITY = -300;

const WHY = "each tracked stream costs memory and a look-up, and a full table drops packets";

/** Are media kept out of connection tracking? */
export function checkTracked(facts: Facts): readonly Finding[] {
  const id = "conntrack.media";
  const { config, tracked, firewall, legacyFirewall, addresses } = facts;
  if (!config.ok) return [];
  const paths = mediaPaths(config.value, addresses);
  const tables = [firewall, legacyFirewall].flatMap((each) => each.ok ? each.value : []);
  const templates = tables.flatMap((table) =>
    [...table.chains.values()].flatMap((chain) => templatesOf(table, chain, paths))
  );
  if (templates.length > 0) return templates;
  if (!tracked.ok) {
    return isTrackingAtAll(facts) ? [skipped(id, tracked.error)] : [good(id, "nothing is tracked")];
  }
  const count = tracked.value.filter((flow) => isMedia(config.value, flow)).length;
  if (count === 0) return [good(id, "no relayed stream is tracked")];
  return [
    warning(id, `${count} stream(s) on the relay's ports are tracked`, {
      why: `they began before the daemon ran, or something tracks them before it; ${WHY}`,
      remedy: mediaAddresses(config.value).map((address) => `conntrack -D -p udp --dst ${address}`),
    }),
  ];
}

function isTrackingAtAll({ sysctls }: Facts): boolean {
  return Number(sysctls["net/netfilter/nf_conntrack_count"] ?? 0) > 0;
}

/** A packet that has a template already is not taken out of tracking any more (nft_notrack_eval()). */
function templatesOf(table: Table, chain: Chain, paths: readonly MediaPath[]): readonly Finding[] {
  const { hook } = chain;
  if (hook?.hook !== "prerouting" || hook.priority > RAW_PRIORITY) return [];
  // At the same priority the order is that of loading: the packet may be as it arrived.
  const early: Chain = { ...chain, hook: { ...hook, priority: RAW_PRIORITY - 1 } };
  const rules = new Set(
    paths.flatMap((path) =>
      packetsAt(early, path).flatMap((packet) => evaluate(table, early, packet).templates)
    ),
  );
  return [...rules].map(({ text }) =>
    warning(
      "conntrack.media",
      `${ownerOf(table, chain)}, chain ${chain.name} has media tracked: rule "${text}"`,
      {
        why: `it comes before the relay's notrack; ${WHY}`,
        remedy: ["restrict that rule to other ports"],
      },
    )
  );
}

function isMedia(config: Config, { destinations, ports }: TrackedFlow): boolean {
  return config.instances.some((instance) => {
    const [first, last] = portsOf(instance);
    return destinations.some((address) =>
      address === instance.internalLocal || address === instance.externalLocal
    ) && ports.some((port) => port >= first && port <= last);
  });
}

const NEARLY_FULL = 0.8;
const FULL = 0.95;

/** Has the table of tracked connections room? */
export function checkTrackingRoom({ sysctls }: Facts): Finding {
  const id = "conntrack.room";
  const count = Number(sysctls["net/netfilter/nf_conntrack_count"] ?? 0);
  const max = Number(sysctls["net/netfilter/nf_conntrack_max"] ?? 0);
  // A limit of 0 is none.
  if (max === 0) return good(id, "connections are not tracked, or without a limit");
  const share = count / max;
  const what = `${count} of ${max} tracked connections`;
  if (share < NEARLY_FULL) return good(id, what);
  const make = share >= FULL ? failure : warning;
  return make(id, what, {
    why: "when it is full, the kernel drops new connections: SIP and commands, too",
    remedy: [`sysctl -w net.netfilter.nf_conntrack_max=${max * 4}`],
  });
}
