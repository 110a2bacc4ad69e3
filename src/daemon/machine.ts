import { pause } from "../base/loop.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { readSmallFile } from "../base/libc.ts";
import type { Config } from "../config/config.ts";
import type { WayView } from "../control/admin.ts";
import type { Peers } from "../control/peers.ts";
import { formatIpv4 } from "../base/ipv4.ts";
import type { Backend, TooBig } from "../core/backend.ts";
import type { Session } from "../core/session.ts";
import type { SessionTable } from "../core/table.ts";
import {
  applySysctls,
  filterOfAll,
  type MediaLink,
  readSysctl,
  type Sysctl,
} from "../nft/sysctls.ts";
import type { Link } from "../rtnetlink/answers.ts";
import { type RouteQuestion, Rtnetlink } from "../rtnetlink/rtnetlink.ts";
import { NetworkWatch } from "../rtnetlink/watch.ts";
import { bridgeWarnings } from "./bridges.ts";
import { formerWarnings } from "./former_addresses.ts";
import { type LocalAddress, type LocalNetwork, localNetworkOf, mediaInterfaces } from "./media.ts";
import { PartyRoutes } from "./party_routes.ts";
import { type Current, withAddresses } from "./settings.ts";
import { waysOf } from "./ways.ts";

/** What the machine lacks or has been given for relaying. */
export interface MediaState {
  readonly interfaces: readonly string[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** Sessions whose routes are looked up before Kamailio gets its turn. */
const SESSIONS_AT_ONCE = 500;
/** Where routes change all the time (BGP), they are not followed more often. */
const ROUTES_EVERY_MS = 5000;

/** What a {@link Machine} works on. */
export interface MachineParts {
  readonly current: Current;
  readonly table: SessionTable;
  readonly backend: Pick<Backend, "arrivals">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who sends commands. */
  readonly peers: Peers;
  /** The configuration file. */
  readonly path: string;
}

/**
 * Makes the machine fit for relaying and tells the log what is new. It is done again and again, since addresses,
 * interfaces and routes come and go (VRRP, hot plug, BGP).
 */
export class Machine implements Disposable {
  readonly #parts: MachineParts;
  readonly #rtnetlink = new Rtnetlink();
  readonly #watch = new NetworkWatch();
  readonly #routes = new PartyRoutes((way) => this.#interfacesTo(way));
  readonly #arrivals = new Set<string>();
  /** Interfaces whose filter was taken away for want of an address. */
  readonly #unfiltered = new Set<string>();
  #links: readonly Link[] = [];
  #addresses: readonly LocalAddress[] = [];
  /** Warnings that the log has. */
  #told: readonly string[] = [];
  #state: MediaState = { interfaces: [], sysctls: {}, warnings: [] };
  #areRoutesNew = true;
  #routesReadMs = -Infinity;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.look();
  }

  get state(): MediaState {
    const { warnings } = this.#state;
    return { ...this.#state, warnings: [...warnings, ...this.#formerWarnings()] };
  }

  /** Set what the media interfaces need, and find out what is missing. */
  look(): void {
    const { current, log } = this.#parts;
    this.#links = this.#rtnetlink.links();
    const network = localNetworkOf(this.#rtnetlink.addresses(), this.#links);
    this.#addresses = network.addresses;
    current.settings = withAddresses(current.settings, network.addresses);
    this.#state = this.#prepare(current.settings.config, network);
    const { warnings } = this.state;
    for (const warning of warnings) {
      if (!this.#told.includes(warning)) log.warn(warning);
    }
    this.#told = warnings;
  }

  /** Make the way ready by which the parties of a session are reached, before they speak. */
  note(session: Session, isNew: boolean): void {
    const { peers, current } = this.#parts;
    if (isNew) {
      const { instance, a, b } = session;
      peers.noteOpened(instance, [a, b].map(({ local }) => formatIpv4(local.address)));
    }
    if (current.settings.config.interfaces !== "auto") return;
    if (this.#routes.note(session)) this.look();
  }

  /** Follow changes of the network, if there are any. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, table } = this.#parts;
    if (this.#watch.hasChanged()) {
      this.#areRoutesNew = true;
      this.look();
    }
    this.#noteArrivals();
    if (!this.#areRoutesNew || clock.now() - this.#routesReadMs < ROUTES_EVERY_MS) return;
    this.#areRoutesNew = false;
    this.#routesReadMs = clock.now();
    this.#routes.forgetRoutes();
    const sessions = [...table.entries()].map(({ session }) => session);
    for (let at = 0; at < sessions.length && !signal.aborted; at += SESSIONS_AT_ONCE) {
      for (const session of sessions.slice(at, at + SESSIONS_AT_ONCE)) this.note(session, false);
      await pause(0, signal);
    }
  }

  /** What becomes of packets to either party of a session; nothing of one on hold. */
  waysOf(session: Session, tooBig: readonly TooBig[]): readonly WayView[] {
    return waysOf(session, {
      tooBig,
      rtnetlink: this.#rtnetlink,
      linkOf: (index) => this.#linkOf(index),
    });
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#rtnetlink[Symbol.dispose]();
  }

  /** Packets may come in by another interface than the one that the routes lead back by. */
  #noteArrivals(): void {
    const { backend, current } = this.#parts;
    if (current.settings.config.interfaces !== "auto") return;
    const links = backend.arrivals().flatMap((index) => this.#linkOf(index) ?? []);
    const names = links.filter(({ bringsPackets }) => bringsPackets).map(({ name }) => name);
    if (names.every((name) => this.#state.interfaces.includes(name))) return;
    for (const name of names) this.#arrivals.add(name);
    this.look();
  }

  #prepare(config: Config, { addresses, numbered }: LocalNetwork): MediaState {
    const found = mediaInterfaces(config.instances, addresses);
    const interfaces = config.interfaces === "auto"
      ? [...new Set([...found.interfaces, ...this.#routes.interfaces, ...this.#arrivals])].filter((
        name,
      ) => this.#isThere(name))
      : config.interfaces;
    const links = interfaces.map((name) => ({
      name,
      hasAddress: numbered.includes(name),
      isFilterDue: this.#unfiltered.has(name),
    }));
    const sysctls = this.#set(links);
    const warnings = [
      ...found.missing.map((address) => `No interface has the media address ${address}`),
      ...sysctls.flatMap(sysctlWarning),
      ...filterWarning(links),
      ...bridgeWarnings({ interfaces, addresses, instances: config.instances }, this.#links),
      ...rangeWarnings(config),
    ];
    const settings = sysctls.map(({ name, needed, was, error }) => [name, error ? was : needed]);
    return { interfaces, sysctls: Object.fromEntries(settings), warnings };
  }

  /** Kamailio asks and opens calls at any time, so this is found out when somebody wants to know. */
  #formerWarnings(): readonly string[] {
    const { peers, current: { settings }, path } = this.#parts;
    const own = this.#addresses.map((each) => ({ ...each, address: formatIpv4(each.address) }));
    return formerWarnings(peers, { settings, own, path });
  }

  /** Make the settings, log those that are new, and keep in mind whose filter was taken away. */
  #set(links: readonly MediaLink[]): readonly Sysctl[] {
    const sysctls = applySysctls(links);
    for (const { name, was, needed, error } of sysctls) {
      if (error !== null || was === needed) continue;
      this.#parts.log.info("Setting changed", { sysctl: name, was, now: needed });
    }
    for (const { name, hasAddress } of links) {
      const filter = sysctls.find((each) => each.name === `net.ipv4.conf.${name}.rp_filter`);
      if (hasAddress) this.#unfiltered.delete(name);
      else if (filter?.error === null && filter.needed === "0" && filter.was !== "0") {
        this.#unfiltered.add(name);
      }
    }
    return sysctls;
  }

  #isThere(name: string): boolean {
    return this.#links.some((link) => link.name === name);
  }

  /** All interfaces of a route, and the VRFs that they belong to, as which their packets are routed. */
  #interfacesTo(way: RouteQuestion): readonly string[] {
    const route = this.#rtnetlink.routeOf(way);
    if (!route.ok) return [];
    return route.value.nextHops.flatMap(({ index }) => {
      const link = this.#linkOf(index);
      if (!link?.bringsPackets) return [];
      const master = this.#linkOf(link.master);
      return master?.kind === "vrf" ? [link.name, master.name] : [link.name];
    });
  }

  #linkOf(index: number): Link | undefined {
    return this.#links.find((link) => link.index === index);
  }
}

function filterWarning(links: readonly MediaLink[]): readonly string[] {
  const filter = filterOfAll(links, readSysctl);
  return filter === null ? [] : [filter.text];
}

function sysctlWarning({ name, was, needed, error }: Sysctl): readonly string[] {
  return error === null ? [] : [`${name} is ${was || "missing"} but has to be ${needed}: ${error}`];
}

/** Packets to the relay's ports never reach a program of this machine, so none may get such a port. */
function rangeWarnings({ instances }: Config): readonly string[] {
  const [low, high] = (readSmallFile("/proc/sys/net/ipv4/ip_local_port_range") ?? "").trim().split(
    /\s+/,
  )
    .map(Number);
  const reserved = readSmallFile("/proc/sys/net/ipv4/ip_local_reserved_ports")?.trim() ?? "";
  return instances.flatMap(({ name, startPort, endPort }) => {
    const overlaps = low !== undefined && high !== undefined && startPort <= high && endPort >= low;
    if (!overlaps || isReserved(reserved, startPort, endPort)) return [];
    return [
      `Relay ports ${startPort}-${endPort} of instance "${name}" overlap net.ipv4.ip_local_port_range ` +
      `${low}-${high}: add them to net.ipv4.ip_local_reserved_ports`,
    ];
  });
}

function isReserved(reserved: string, startPort: number, endPort: number): boolean {
  return reserved.split(",").some((range) => {
    const [from = NaN, to = from] = range.split("-").map(Number);
    return from <= startPort && to >= endPort;
  });
}
