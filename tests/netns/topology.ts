import { strict as assert } from "node:assert";
import type { Namespace, RelayNetwork } from "../../src/netns/namespaces.ts";
import type { Ini } from "./daemon.ts";
import { CALL, type Call } from "./kamailio.ts";
import { Party } from "./media.ts";
import { converse, expectNoLoss, openWorld, type World } from "./world.ts";

/** How a relay is connected. What is built lives as long as the world. */
export interface Topology {
  readonly name: string;
  readonly build: (net: RelayNetwork) => void | Built;
  readonly ini?: Ini;
  readonly call?: Call;
  /** The interfaces that the daemon must set, and no others. */
  readonly interfaces: readonly string[];
  /** What `lrkproxy status` must warn of; nothing by default. */
  readonly warns?: RegExp;
}

/** Namespaces besides the three that every relay network has. */
export interface Built {
  readonly namespaces: readonly Namespace[];
  /** Where the callee is, if not in its own. */
  readonly callee?: Namespace;
}

/** Settings as Debian has them, with strict filters, on every interface there is. */
function distribution(relay: Namespace): void {
  relay.command(
    "bash",
    "-euc",
    `echo 0 >/proc/sys/net/ipv4/ip_forward
    for each in /proc/sys/net/ipv4/conf/*; do
      echo 1 >$each/rp_filter; echo 0 >$each/accept_local; echo 1 >$each/send_redirects
    done`,
  );
}

/** Give the relay other addresses on its links, so that the media addresses can be elsewhere. */
export function renumber({ relay, caller, callee }: RelayNetwork): void {
  relay.ip("address", "flush", "dev", "inside");
  relay.ip("address", "flush", "dev", "outside");
  relay.ip("address", "add", "10.10.1.254/24", "dev", "inside");
  relay.ip("address", "add", "192.0.2.254/24", "dev", "outside");
  // The media addresses are behind the relay now, not on the parties' link.
  caller.ip("route", "replace", "10.10.1.1/32", "via", "10.10.1.254");
  callee.ip("route", "replace", "192.0.2.1/32", "via", "192.0.2.254");
}

export function move(
  { relay }: RelayNetwork,
  to: { readonly inside: string; readonly outside: string },
): void {
  relay.ip("address", "flush", "dev", "inside");
  relay.ip("address", "flush", "dev", "outside");
  relay.ip("address", "add", "10.10.1.1/24", "dev", to.inside);
  relay.ip("address", "add", "192.0.2.1/24", "dev", to.outside);
}

/** A world with this topology, its settings as a distribution leaves them. */
export async function openTopology(
  { build, ini }: Pick<Topology, "build" | "ini">,
): Promise<{ readonly world: World; readonly built: Built }> {
  let built: Built = { namespaces: [] };
  const world = await openWorld({
    ...ini && { ini },
    prepare: (net) => {
      built = build(net) ?? built;
      distribution(net.relay);
    },
  });
  for (const each of built.namespaces) world.use(each);
  return { world, built };
}

/** That each side hears each packet of the other, the first ones too, and what the daemon says of it. */
export async function assertMediaAreWhole(topology: Topology): Promise<void> {
  const { call = CALL, interfaces, warns = /^$/ } = topology;
  const { world, built } = await openTopology(topology);
  await using _ = world;
  await world.kamailio.open(call);
  const [address = "", port] = call.dnat.split(":");
  const callee = world.use(new Party(built.callee ?? world.net.callee, address, Number(port)));
  assert(await expectNoLoss(await converse(world.caller(6000), callee, call)) > 0);
  const { sysctls, warnings } = await world.status();
  const set = Object.keys(sysctls).map((name) => name.split(".").slice(3, -1).join("."));
  assert.deepEqual([...new Set(set)].sort(), [...interfaces].sort());
  assert.match(warnings.join("\n"), warns);
}
