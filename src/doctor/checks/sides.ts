import { formatIpv4 } from "../../base/ipv4.ts";
import { looksSwapped, sectionOf } from "../../config/address_warnings.ts";
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
  if (inside === outside) return good(ID, `${who}: both addresses are on ${inside}`);
  if (isUnasked(facts)) {
    return skipped(
      ID,
      `${who}: ${facts.configPath} was changed after Kamailio had asked for the addresses: restart Kamailio first`,
    );
  }
  const probes = facts.routes.filter(({ from, target, way, openedMs = Infinity }) =>
    // Calls from before the file was changed say nothing of it.
    target === "party" && way.ok && openedMs >= (facts.configChangedMs ?? 0) &&
    [internalLocal, externalLocal].includes(from)
  );
  const crossed = probes.filter((probe) => isCrossed(facts, probe));
  const look = `${who}: internal_ip and external_ip look swapped`;
  const remedy = swapRemedy(facts, instance);
  if (crossed.length > 0 && crossed.length === probes.length && sidesOf(crossed) === 2) {
    // Parties that can reach the other address all the same are heard, and then calls work.
    const make = crossed.every(({ isHeard }) => isHeard) ? warning : failure;
    return make(
      ID,
      `${look}: ${crossed.slice(0, 2).map((each) => crossedText(facts, each)).join("; ")}`,
      {
        why: "each party is told the address that faces the other one",
        remedy,
      },
    );
  }
  if (crossed.length > 0) {
    return good(
      ID,
      `${who}: ${crossed.length} of ${probes.length} parties are on the side of the other one`,
    );
  }
  if (probes.length > 0) {
    return good(ID, `${who}: parties are reached by the interface of the address they are told`);
  }
  const sign = looksSwapped(instance)
    ? `internal_ip ${instance.internalIp} is public, external_ip ${instance.externalIp} is private`
    : defaultRouteSign(facts, instance, { inside, outside });
  return sign === null
    ? good(
      ID,
      `${who}: nothing speaks against internal on ${inside}, external on ${outside} (no call is up)`,
    )
    : warning(ID, `${look}: ${sign}`, {
      why: "with them swapped, each party is told the address that faces the other one",
      remedy,
    });
}

/** Whether the file was changed after Kamailio had asked, so that it goes by what it was before. */
function isUnasked({ configChangedMs, daemon: { status }, clock: { nowMs } }: Facts): boolean {
  if (!status.ok || configChangedMs === null) return false;
  const asked = (status.value.peers ?? []).flatMap(({ configSeconds }) => configSeconds ?? []);
  const askedSeconds = Math.min(status.value.uptimeSeconds, ...asked);
  // Both are rounded to seconds.
  return configChangedMs > nowMs - (askedSeconds - 1) * 1000;
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

function sidesOf(probes: readonly RouteProbe[]): number {
  return new Set(probes.map(({ from }) => from)).size;
}

function crossedText(facts: Facts, { from, to, way }: RouteProbe): string {
  return `${to} is reached by ${way.ok ? way.value : "nothing"} and told ${from}, which is on ${
    interfaceOf(facts, from)
  }`;
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
function swapRemedy({ configPath }: Facts, instance: InstanceConfig): readonly string[] {
  const { internalIp, externalIp, internalLocal, externalLocal } = instance;
  const lines = [
    `internal_ip : ${externalIp}`,
    `external_ip : ${internalIp}`,
    ...externalIp === externalLocal ? [] : [`internal_local : ${externalLocal}`],
    ...internalIp === internalLocal ? [] : [`external_local : ${internalLocal}`],
  ];
  return [
    `${sectionOf(instance)} in ${configPath}: ${lines.join(", ")}`,
    "lrkproxy reload, and restart Kamailio, which asks only when it starts",
  ];
}
