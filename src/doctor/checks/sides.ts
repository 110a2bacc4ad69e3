import { formatIpv4 } from "../../base/ipv4.ts";
import {
  looksRight,
  looksSwapped,
  sectionOf,
  swappedLines,
} from "../../config/address_warnings.ts";
import type { InstanceConfig } from "../../config/config.ts";
import type { Facts, RouteProbe } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";

const ID = "media.sides";

/** Are internal_ip and external_ip each on the side that they are told to? */
export function checkSides(facts: Facts): readonly Finding[] {
  const { config } = facts;
  if (!config.ok) return [];
  return config.value.instances.map((instance) => sideFinding(facts, instance));
}

function sideFinding(facts: Facts, instance: InstanceConfig): Finding {
  const { internalLocal, externalLocal, name } = instance;
  const [inside, outside] = [internalLocal, externalLocal].map((each) => interfaceOf(facts, each));
  const who = `instance ${name}`;
  if (!inside || !outside) return skipped(ID, `${who}: a media address is on no interface`);
  if (inside === outside && !looksSwapped(instance)) {
    return good(ID, `${who}: both addresses are on ${inside}`);
  }
  const { given, sinceMs } = givenOut(facts, instance);
  const parties = given === "others" || inside === outside
    ? []
    : partiesOf(facts, instance, sinceMs);
  const found = given === "reversed"
    ? reversedFinding(facts, instance, parties)
    : callsFinding(facts, instance, { parties, given });
  return found ?? fileFinding(facts, instance, { inside, outside, given });
}

/** What calls say that were opened with the file's addresses; null where there are none. */
function callsFinding(
  facts: Facts,
  instance: InstanceConfig,
  { parties, given }: { readonly parties: readonly RouteProbe[]; readonly given: Given },
): Finding | null {
  if (parties.length === 0) return null;
  const who = `instance ${instance.name}`;
  const crossed = parties.filter((probe) => isCrossed(facts, probe));
  if (isWhole(crossed, parties)) {
    // Parties that can reach the other address all the same are heard, and then calls work.
    const make = crossed.every(({ isHeard }) => isHeard) ? warning : failure;
    const told = crossed.slice(0, 2).map((each) => crossedText(facts, each)).join("; ");
    return make(ID, `${who}: internal_ip and external_ip look swapped: ${told}`, {
      why: "each party is told the address that faces the other one",
      remedy: swapRemedy(facts, instance, given),
    });
  }
  return good(
    ID,
    crossed.length > 0
      ? `${who}: ${crossed.length} of ${parties.length} parties are on the side of the other one`
      : `${who}: parties are reached by the interface of the address they are told`,
  );
}

/** What calls say that were opened with the file's addresses the other way round; null where they say nothing. */
function reversedFinding(
  facts: Facts,
  instance: InstanceConfig,
  parties: readonly RouteProbe[],
): Finding | null {
  const crossed = parties.filter((probe) => isCrossed(facts, probe));
  if (isWhole(crossed, parties)) return lateFinding(facts, instance, crossed);
  const straight = parties.filter(({ from, way }) =>
    way.ok && way.value === interfaceOf(facts, from)
  );
  if (!isWhole(straight, parties)) return null;
  const signs = straight.slice(0, 2).map((each) => straightText(facts, each)).join("; ");
  return warning(
    ID,
    `instance ${instance.name}: internal_ip and external_ip look swapped: Kamailio, which has not asked again, gives ` +
      `them out the other way round, and so ${signs}`,
    {
      why: "after its next start, each party is told the address that faces the other one",
      remedy: swapRemedy(facts, instance, "reversed"),
    },
  );
}

/** Whether some of the parties are all of them, on either side. */
function isWhole(some: readonly RouteProbe[], parties: readonly RouteProbe[]): boolean {
  return some.length === parties.length && new Set(some.map(({ from }) => from)).size === 2;
}

/** What the file itself and the default route say, where no call does. */
function fileFinding(
  facts: Facts,
  instance: InstanceConfig,
  { inside, outside, given }: {
    readonly inside: string;
    readonly outside: string;
    readonly given: Given;
  },
): Finding {
  const who = `instance ${instance.name}`;
  const sign = looksSwapped(instance)
    ? `internal_ip ${instance.internalIp} is public, external_ip ${instance.externalIp} is private`
    : looksRight(instance)
    ? null
    : defaultRouteSign(facts, instance, { inside, outside });
  if (sign !== null) {
    return warning(ID, `${who}: internal_ip and external_ip look swapped: ${sign}`, {
      why: "with them swapped, each party is told the address that faces the other one",
      remedy: swapRemedy(facts, instance, given),
    });
  }
  const calls = facts.daemon.status.ok
    ? given === "file" || given === "unknown"
      ? "no call is up that tells more"
      : "Kamailio, which has not asked again, opens calls with other ones"
    : "no daemon says which calls are up";
  return good(
    ID,
    `${who}: nothing speaks against internal on ${inside}, external on ${outside} (${calls})`,
  );
}

/** The file is right, and Kamailio goes by what it was before. */
function lateFinding(
  facts: Facts,
  { name, internalIp, externalIp }: InstanceConfig,
  crossed: readonly RouteProbe[],
): Finding {
  const make = crossed.every(({ isHeard }) => isHeard) ? warning : failure;
  const told = crossed.slice(0, 2).map((each) => crossedText(facts, each)).join("; ");
  return make(
    ID,
    `instance ${name}: Kamailio gives out internal_ip and external_ip the wrong way round: ${told}`,
    {
      why:
        `the file is right (internal_ip ${internalIp}, external_ip ${externalIp}), and Kamailio has not asked since it is`,
      remedy: ["restart Kamailio"],
    },
  );
}

/** What Kamailio gives out, beside the file: the same, the same the other way round, or others. */
type Given = "file" | "reversed" | "others" | "unknown";

/**
 * What those give out that open calls of an instance, and since when, in milliseconds since 1970: calls from before
 * say nothing of it.
 */
function givenOut(
  facts: Facts,
  { name, internalIp, externalIp }: InstanceConfig,
): { readonly given: Given; readonly sinceMs: number } {
  const { configChangedMs, daemon: { status }, clock: { nowMs } } = facts;
  if (!status.ok) return { given: "unknown", sinceMs: configChangedMs ?? 0 };
  // It is rounded to seconds.
  const startMs = nowMs - (status.value.uptimeSeconds + 1) * 1000;
  const earlierMs = Math.min(startMs, configChangedMs ?? 0);
  const openers = (status.value.peers ?? []).filter((peer) =>
    peer.instance === name && peer.open > 0
  );
  const told = openers.flatMap((peer) => peer.told ?? []);
  // Of a Kamailio that nothing is known of, the daemon may have taken over calls.
  if (told.length === 0) return { given: "unknown", sinceMs: earlierMs };
  const isFile = told.every((each) => each.internal === internalIp && each.external === externalIp);
  const isReversed = told.every((each) =>
    each.internal === externalIp && each.external === internalIp
  );
  const hasAsked = told.every(({ sinceMs }) => sinceMs !== null);
  const given = isFile ? (hasAsked ? "file" : "unknown") : isReversed ? "reversed" : "others";
  const sinceMs = Math.max(...told.map((each) => each.sinceMs ?? earlierMs));
  return { given, sinceMs };
}

/** The ways to parties of calls with an instance's addresses that were opened since a moment. */
function partiesOf(
  { routes }: Facts,
  { internalLocal, externalLocal }: InstanceConfig,
  sinceMs: number,
): readonly RouteProbe[] {
  return routes.filter(({ from, target, way, openedMs = Infinity }) =>
    target === "party" && way.ok && openedMs >= sinceMs &&
    [internalLocal, externalLocal].includes(from)
  );
}

/** The interface that packets to an address come in by. */
function interfaceOf({ addresses }: Facts, text: string): string | undefined {
  return addresses.find(({ address }) => formatIpv4(address) === text)?.arrival;
}

/** Whether a party is reached by the interface that has the address which the other party is told. */
function isCrossed(facts: Facts, { from, iif, way }: RouteProbe): boolean {
  const home = interfaceOf(facts, from);
  return way.ok && home !== undefined && way.value !== home && way.value === iif;
}

function crossedText(facts: Facts, { from, to, way }: RouteProbe): string {
  return `${to} is reached by ${way.ok ? way.value : "nothing"} and told ${from}, which is on ${
    interfaceOf(facts, from)
  }`;
}

function straightText(facts: Facts, { from, to }: RouteProbe): string {
  return `${to}, which is reached by ${interfaceOf(facts, from)}, is told ${from}`;
}

/** Where the internet is behind internal_ip and not behind external_ip. */
function defaultRouteSign(
  { routes }: Facts,
  { externalLocal }: InstanceConfig,
  { inside, outside }: { readonly inside: string; readonly outside: string },
): string | null {
  const probe = routes.find(({ target, from }) => target === "anybody" && from === externalLocal);
  if (!probe?.way.ok || probe.way.value !== inside) return null;
  return `the default route leaves by ${inside}, which has internal_ip, and none by ${outside}`;
}

/** The lines as they would be the other way round, and what has to follow them. */
function swapRemedy(
  { configPath }: Facts,
  instance: InstanceConfig,
  given: Given,
): readonly string[] {
  return [
    `${sectionOf(instance)} in ${configPath}: ${swappedLines(instance).join(", ")}`,
    given === "reversed"
      ? "lrkproxy reload; Kamailio need not be restarted, since that is what it gives out"
      : "lrkproxy reload, and restart Kamailio, which asks only when it starts",
    ...given === "unknown"
      ? ["or, if Kamailio was started before the file was put right: restart Kamailio alone"]
      : [],
  ];
}
