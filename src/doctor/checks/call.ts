import { formatEndpoint, formatIpv4 } from "../../base/ipv4.ts";
import type { Result } from "../../base/result.ts";
import { missingAddressRemedy } from "../../config/address_warnings.ts";
import type { LocalAddress } from "../../daemon/media.ts";
import type { Facts, LinkFacts } from "../facts.ts";
import { failure, type Finding } from "../finding.ts";
import type { CallPackets, MediaPath } from "../media_paths.ts";
import { judgeTables } from "./firewall.ts";
import { strictForAll, unmetSettings } from "./kernel.ts";
import { downFinding } from "./media.ts";

/** One direction of a call through this machine. */
export interface CallDirection {
  readonly packets: CallPackets;
  /** The relay's address that the sender talks to, and the one that packets carry afterwards. */
  readonly arrival: number;
  readonly source: number;
  /** The interface that the sender's packets come in by, as far as routes tell. */
  readonly iif: string | null;
  /** The interface that they leave by, or the kernel's refusal. */
  readonly way: Result<string>;
  /** First and last port of the instance, which remedies open. */
  readonly ports: readonly [first: number, last: number];
}

/** What is known of this machine where one call is concerned. */
export interface CallFacts
  extends Pick<Facts, "sysctls" | "numbered" | "firewall" | "legacyFirewall"> {
  /** Whether the kernel module relays it, which no chain behind an interface's own sees. */
  readonly isFast: boolean;
  /** Whether both parties have been heard. */
  readonly isTwoWay: boolean;
  readonly directions: readonly CallDirection[];
  readonly addresses: readonly LocalAddress[];
  /** The interfaces of the relay's addresses. */
  readonly links: readonly LinkFacts[];
}

/** What this machine itself does to a call's packets; nothing if it lets all of them pass. */
export function examineCall(facts: CallFacts): readonly Finding[] {
  const missing = missingAddresses(facts);
  if (missing.length > 0) return missing;
  const down = downLinks(facts);
  if (down.length > 0) return down;
  const settings = wrongSettings(facts);
  return [
    ...swappedSides(facts),
    ...settings,
    ...settings.length > 0 ? [] : lackingWays(facts),
    ...droppingRules(facts),
  ];
}

function missingAddresses({ directions, addresses }: CallFacts): readonly Finding[] {
  const own = new Set(directions.flatMap(({ arrival, source }) => [arrival, source]));
  return [...own].filter((each) => !addresses.some(({ address }) => address === each))
    .map(formatIpv4).map((address) =>
      failure("media.address", `no interface has the media address ${address}`, {
        why: "packets to it go elsewhere",
        remedy: missingAddressRemedy(address),
      })
    );
}

/** Without its interface there is no way by it, whatever else may be wrong. */
function downLinks({ directions, addresses, links }: CallFacts): readonly Finding[] {
  const own = new Set(directions.flatMap(({ arrival, source }) => [arrival, source]));
  return [...own].flatMap((address) => {
    const carrier = addresses.find((each) => each.address === address);
    const link = links.find(({ name }) => name === carrier?.interface);
    return downFinding(formatIpv4(address), link) ?? [];
  });
}

/** Each party of the call is on the side of the address that the other one is told. */
function swappedSides({ directions, addresses, isTwoWay }: CallFacts): readonly Finding[] {
  const [one, other] = directions;
  // Parties that can reach the other address all the same are heard, and then calls work.
  if (isTwoWay || !one || !other || one.iif === other.iif) return [];
  const home = (wanted: number): string | undefined =>
    addresses.find(({ address }) => address === wanted)?.arrival;
  const isCrossed = ({ arrival, source, iif }: CallDirection): boolean =>
    home(arrival) !== iif && home(source) === iif;
  if (!isCrossed(one) || !isCrossed(other)) return [];
  const told = [one, other].map(({ packets: { sender }, arrival, iif }) =>
    `${formatIpv4(sender.address)} is reached by ${iif} and told ${
      formatIpv4(arrival)
    }, which is on ${home(arrival)}`
  );
  return [
    failure("media.sides", `internal_ip and external_ip look swapped: ${told.join("; ")}`, {
      why: "each party is told the address that faces the other one",
      remedy: [
        "swap them in lrkproxy.ini (unless that is done), lrkproxy reload, and restart Kamailio, which asks only when it starts",
      ],
    }),
  ];
}

function wrongSettings({ directions, sysctls, numbered }: CallFacts): readonly Finding[] {
  const names = new Set(directions.flatMap(({ iif }) => iif === null ? [] : [iif]));
  const facts = { links: [...names].map((name) => ({ name })), sysctls, numbered };
  // Redirects trouble the parties; they do not silence them.
  const unset = unmetSettings(facts)
    .filter(({ key }) => key !== "send_redirects")
    .map(({ interface: name, key, is, needed }) =>
      failure(
        key === "forwarding"
          ? "sysctl.forwarding"
          : key === "accept_local"
          ? "sysctl.accept_local"
          : "sysctl.rp_filter",
        `net.ipv4.conf.${name}.${key} is ${is || "missing"}, must be ${needed}`,
        {
          why: "packets that were rewritten are dropped",
          remedy: [`sysctl -w net/ipv4/conf/${name}/${key}=${needed}`],
        },
      )
    );
  return [...strictForAll(facts), ...unset];
}

function lackingWays({ directions }: CallFacts): readonly Finding[] {
  return directions.flatMap(({ way, source, iif, packets: { receiver } }) => {
    if (way.ok) return [];
    const [from, to] = [formatIpv4(source), formatIpv4(receiver.address)];
    const what = `no way for media from ${from} to ${formatEndpoint(receiver)}: ${way.error}`;
    return [failure("media.route", what, {
      why: "that party hears nothing",
      remedy: [
        "See: ip rule",
        `See: ip route get ${to} from ${from}${iif === null ? "" : ` iif ${iif}`}`,
      ],
    })];
  });
}

function droppingRules(
  { directions, firewall, legacyFirewall, isFast }: CallFacts,
): readonly Finding[] {
  const paths = directions.flatMap((
    { packets, arrival, source, iif, way, ports },
  ): readonly MediaPath[] =>
    iif === null || !way.ok ? [] : [{ arrival, source, iif, oif: way.value, ports, call: packets }]
  );
  const tables = [firewall, legacyFirewall].flatMap((each) => each.ok ? each.value : []);
  return judgeTables(tables, paths).filter(({ id, severity }) =>
    severity !== "ok" && (!isFast || id === "firewall.ingress")
  );
}
