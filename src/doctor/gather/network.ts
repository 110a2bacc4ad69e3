import { formatIpv4 } from "../../base/ipv4.ts";
import { readProcFile } from "../../base/procfs.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type { Config } from "../../config/config.ts";
import type { SessionView } from "../../control/admin.ts";
import { type LocalAddress, mediaInterfaces } from "../../daemon/media.ts";
import type { DaemonFacts, LinkFacts, RouteProbe } from "../facts.ts";
import { mediaPaths } from "../media_paths.ts";
import { runProgram } from "./program.ts";

/**
 * The interfaces that carry media: those of the addresses, and those by which the daemon has found that they
 * come in too.
 */
export function interfacesOf(
  config: Config,
  addresses: readonly LocalAddress[],
  daemon: DaemonFacts,
): readonly string[] {
  if (config.interfaces !== "auto") return config.interfaces;
  const { interfaces } = mediaInterfaces(config.instances, addresses);
  // A daemon that runs sets an interface when the first call needs it.
  const more = daemon.status.ok
    ? Object.keys(daemon.status.value.sysctls).map((key) =>
      key.slice(CONF.length, key.lastIndexOf("."))
    )
    : mediaPaths(config, addresses).flatMap(({ iif, oif }) => [iif, oif])
      // As long as no route tells more, media seem to come in where their address is.
      .filter((name) => !bringsNothing(name, addresses));
  return [...new Set([...interfaces, ...more])];
}

const CONF = "net.ipv4.conf.";

/** Where nothing comes in by the interface of an address (loopback, dummy), the way to anybody tells by which. */
export async function withArrivals(
  addresses: readonly LocalAddress[],
): Promise<readonly LocalAddress[]> {
  return await Promise.all(addresses.map(async (each) => {
    const isOfHost = each.address >>> 24 === 127;
    if (each.bringsPackets || isOfHost) return each;
    const way = await askRoute({ to: ANYBODY, from: formatIpv4(each.address) });
    return way.ok && way.value !== "" ? { ...each, arrival: way.value } : each;
  }));
}

const IFF_UP = 1;

/** What /sys tells of interfaces. */
export function gatherLinks(names: readonly string[]): readonly LinkFacts[] {
  return names.map((name) => {
    const rpsMasks: string[] = [];
    for (;;) {
      const mask = readProcFile(`/sys/class/net/${name}/queues/rx-${rpsMasks.length}/rps_cpus`);
      if (mask === null) break;
      rpsMasks.push(mask.trim());
    }
    return {
      name,
      state: readProcFile(`/sys/class/net/${name}/operstate`)?.trim() ?? "",
      isEnabled: (Number(readProcFile(`/sys/class/net/${name}/flags`) ?? 0) & IFF_UP) !== 0,
      rpsMasks,
    };
  });
}

const CONF_KEYS = ["forwarding", "accept_local", "rp_filter", "send_redirects", "route_localnet"];
const GLOBAL_KEYS = [
  "net/ipv4/ip_forward",
  "net/ipv4/conf/all/rp_filter",
  "net/ipv4/ip_local_port_range",
  "net/ipv4/ip_local_reserved_ports",
  "net/core/rmem_max",
  "net/core/netdev_max_backlog",
  "net/netfilter/nf_conntrack_count",
  "net/netfilter/nf_conntrack_max",
];

/** The settings that matter, by path below /proc/sys. */
export function gatherSysctls(interfaces: readonly string[]): Readonly<Record<string, string>> {
  const own = interfaces.flatMap((name) => CONF_KEYS.map((key) => `net/ipv4/conf/${name}/${key}`));
  return Object.fromEntries([...GLOBAL_KEYS, ...own].flatMap((key) => {
    const value = readProcFile(`/proc/sys/${key}`);
    return value === null ? [] : [[key, value.trim()]];
  }));
}

/** An address on the internet, to ask for its route; nothing is sent there. */
const ANYBODY = "9.9.9.9";
const MOST_PARTIES = 8;

type Question = Omit<RouteProbe, "way">;

/** Ask the kernel where relayed packets would go. */
export async function gatherRoutes(
  config: Config,
  addresses: readonly LocalAddress[],
  sessions: readonly SessionView[],
): Promise<readonly RouteProbe[]> {
  const questions = [...neighbours(config, addresses), ...parties(sessions, addresses)];
  const asked = new Map(questions.map((each) => [`${each.from} ${each.to} ${each.iif}`, each]));
  return await Promise.all([...asked.values()].map(async (question) => ({
    ...question,
    way: await askRoute(question),
  })));
}

function neighbours(config: Config, addresses: readonly LocalAddress[]): readonly Question[] {
  return mediaPaths(config, addresses).flatMap(
    ({ source, iif: name, oif, arrival }): Question[] => {
      const iif = bringsNothing(name, addresses) ? null : name;
      const from = formatIpv4(source);
      const local = addresses.find(({ arrival: name, address }) =>
        name === oif && address === source
      );
      const neighbour = local && neighbourOf(local);
      const anybody: Question = { from, to: ANYBODY, iif, target: "anybody" };
      const isOutwards = config.instances.some(({ externalLocal, internalLocal }) =>
        externalLocal === from && internalLocal === formatIpv4(arrival)
      );
      return [
        ...neighbour === null || neighbour === undefined
          ? []
          : [{ from, to: formatIpv4(neighbour), iif, target: "neighbour" as const }],
        ...isOutwards ? [anybody] : [],
      ];
    },
  );
}

/** Whether an interface, a loopback or dummy device, is none that packets come in by. */
function bringsNothing(name: string, addresses: readonly LocalAddress[]): boolean {
  return addresses.some((each) => each.interface === name && !each.bringsPackets);
}

/** Some other address of the same network; null where it has no room for one. */
function neighbourOf({ address, mask }: LocalAddress): number | null {
  if (mask >= 0xfffffffe) return null;
  const first = ((address & mask) >>> 0) + 1;
  return first === address ? first + 1 : first;
}

function parties(
  sessions: readonly SessionView[],
  addresses: readonly LocalAddress[],
): readonly Question[] {
  const interfaceOf = (relay: string): string | undefined =>
    addresses.find(({ address }) => formatIpv4(address) === hostOf(relay))?.arrival;
  const arrivalAt = (name: string): string | null => bringsNothing(name, addresses) ? null : name;
  return sessions.flatMap(({ caller, callee, createdMs }) => [
    { party: caller, other: callee, createdMs },
    { party: callee, other: caller, createdMs },
  ])
    .flatMap(({ party, other, createdMs }): Question[] => {
      const iif = interfaceOf(other.relay);
      if (!iif || party.onHold) return [];
      const to = hostOf(party.rtp.source ?? party.signalled);
      const isHeard = party.rtp.packets > 0;
      return [{
        from: hostOf(party.relay),
        to,
        iif: arrivalAt(iif),
        target: "party",
        isHeard,
        openedMs: createdMs,
      }];
    }).slice(0, MOST_PARTIES);
}

function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":"));
}

/** The interface by which a packet leaves: a forwarded one, or without `iif` one of this machine's own. */
export async function askRoute(
  { from, to, iif = null }: {
    readonly from: string;
    readonly to: string;
    readonly iif?: string | null;
  },
): Promise<Result<string>> {
  const arrival = iif === null ? [] : ["iif", iif];
  const answer = await runProgram("ip", ["-j", "route", "get", to, "from", from, ...arrival]);
  if (!answer.ok) return err(answer.error.replace(/^RTNETLINK answers: /, "").split("\n")[0] ?? "");
  return ok(/"dev":"([^"]+)"/.exec(answer.value.out)?.[1] ?? "");
}
