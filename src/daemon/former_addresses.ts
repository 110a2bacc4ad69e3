import { formatAddress } from "../base/cidr.ts";
import {
  doubtsAbout,
  type OwnAddress,
  sectionOf,
  type WhereSaid,
} from "../config/address_warnings.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import type { Peer, Peers, Told } from "../control/peers.ts";
import type { Settings } from "./settings.ts";

/** What an instance's G says of addresses and ports. */
export function toldOf(instance: InstanceConfig): Told {
  const { internalIp, externalIp, internalLocal, externalLocal, startPort, endPort } = instance;
  return { internalIp, externalIp, internalLocal, externalLocal, startPort, endPort };
}

/**
 * What a peer was told; for one that has not asked since the start, what it would have been told then. Null for an
 * instance that there has never been.
 */
export function toldTo({ told, instance }: Peer, { addressed }: Settings): Told | null {
  const first = addressed.get(instance)?.first;
  return told ?? (first ? toldOf(first) : null);
}

/** Whether a Kamailio is known that goes by other addresses or ports than the instance has; null without any. */
export function isOutdated(
  peers: Pick<Peers, "of">,
  instance: InstanceConfig,
  settings: Settings,
): boolean | null {
  const all = peers.of(instance.name);
  if (all.length === 0) return null;
  return all.some((peer) => {
    const given = givenOut(peer, instance, settings);
    return given !== null || portsText(toldTo(peer, settings)) !== portsText(instance);
  });
}

function portsText(told: Pick<Told, "startPort" | "endPort"> | null): string {
  return `${told?.startPort}-${told?.endPort}`;
}

/**
 * Kamailios that have opened calls with addresses which their instance had before a reload, and have not asked
 * since, a line each: they ask only when they start. `own` are this machine's addresses, `path` is the file.
 */
export function formerWarnings(
  peers: Pick<Peers, "of">,
  { settings, own, path }: {
    readonly settings: Settings;
    readonly own: readonly OwnAddress[];
    readonly path: string;
  },
): readonly string[] {
  const { config, addressed } = settings;
  const lines = config.instances.flatMap((instance) => {
    const since = addressed.get(instance.name)?.sinceMs ?? -Infinity;
    const all = peers.of(instance.name);
    return all.filter(({ openMs }) => openMs !== null && openMs >= since).flatMap((peer) => {
      const given = givenOut(peer, instance, settings);
      return given === null ? [] : [
        `Kamailio${all.length > 1 ? placeOf(peer) : ""} still gives out ${given}, which ` +
        `instance "${instance.name}" had before a reload${
          doubtText(config, instance, { own, path })
        }`,
      ];
    });
  });
  return [...new Set(lines)];
}

function placeOf({ from }: Peer): string {
  return from ? ` at ${formatAddress(from)}` : " at the UNIX socket";
}

/** Addresses that a peer gives out and the instance has no more, in words; null if it gives out the present ones. */
function givenOut(
  peer: Peer,
  { internalIp, externalIp, internalLocal, externalLocal }: InstanceConfig,
  settings: Settings,
): string | null {
  const told = toldTo(peer, settings);
  // Another Kamailio at the same address may have asked; calls show what this one goes by.
  const isProved = told !== null &&
    peer.opened.every((each) => [told.internalLocal, told.externalLocal].includes(each));
  if (!isProved) {
    const present = [internalLocal, externalLocal];
    const former = [...new Set(peer.opened)].filter((each) => !present.includes(each));
    return former.length === 0 ? null : former.join(" and ");
  }
  if (told.internalIp === internalIp && told.externalIp === externalIp) return null;
  const former = [...new Set([told.internalIp, told.externalIp])]
    .filter((each) => each !== internalIp && each !== externalIp);
  return former.length > 0
    ? former.join(" and ")
    : `${told.internalIp} as internal and ${told.externalIp} as external address`;
}

/** What speaks against the file as it is, by which Kamailio would go after a restart. */
function doubtText(
  config: Config,
  instance: InstanceConfig,
  { own, path }: { readonly own: readonly OwnAddress[]; readonly path: string },
): string {
  const said = ({ keys, lines }: WhereSaid): string => {
    const where = lines.length === 0 ? path : `${path}, line ${lines.join(" and ")}`;
    return `${sectionOf(instance)} ${keys.join(" and ")} (${where})`;
  };
  const doubts = doubtsAbout(config, instance, own).map(({ where, what }) =>
    `; ${said(where)} ${where.keys.length === 1 ? "is" : "are"} now ${what}`
  );
  return doubts.join("");
}
