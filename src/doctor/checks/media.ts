import { formatIpv4 } from "../../base/ipv4.ts";
import {
  keyOf,
  looksSwapped,
  missingAddressRemedy,
  ownText,
} from "../../config/address_warnings.ts";
import type { Facts, LinkFacts, RouteProbe } from "../facts.ts";
import { failure, type Finding, good, skipped, warning } from "../finding.ts";
import { mediaAddresses, mediaPaths } from "../media_paths.ts";
import { strictForAll, unmetSettings } from "./kernel.ts";

/** Is each media address on an interface that is up? */
export function checkAddresses(
  { config, configPath, addresses, links }: Facts,
): readonly Finding[] {
  const id = "media.address";
  if (!config.ok) return [];
  return mediaAddresses(config.value).map((address) => {
    const carrier = addresses.find((each) => formatIpv4(each.address) === address);
    if (!carrier) {
      const key = keyOf(config.value.instances, address);
      const own = ownText(
        addresses.map((each) => ({ ...each, address: formatIpv4(each.address) })),
      );
      return failure(id, `no interface has the media address ${address} (${key})`, {
        why:
          "packets to it go elsewhere; behind static NAT, internal_local or external_local names the address of this machine",
        remedy: missingAddressRemedy(
          address,
          `${key} in ${configPath}: one of this machine's addresses (${own}); then lrkproxy reload, and restart Kamailio`,
        ),
      });
    }
    return downFinding(address, links.find(({ name }) => name === carrier.interface)) ??
      good(id, `${address} is on ${carrier.interface}`);
  });
}

/** That the interface of an address is down, and for whose fault; null if it is not. */
export function downFinding(address: string, link: LinkFacts | undefined): Finding | null {
  if (!link || !["down", "lowerlayerdown", "notpresent"].includes(link.state)) return null;
  const { name, isEnabled } = link;
  const why = "nothing is received there";
  return isEnabled
    ? failure("media.address", `${address} is on ${name}, which has no carrier`, {
      why,
      remedy: [`ip -d link show ${name}   # look at its cable, and at what is at the other end`],
    })
    : failure("media.address", `${address} is on ${name}, which is down`, {
      why,
      remedy: [`ip link set ${name} up`],
    });
}

/** Does the kernel find a way for relayed packets? */
export function checkRoutes(facts: Facts): readonly Finding[] {
  const id = "media.route";
  const { config, routes, addresses } = facts;
  if (!config.ok) return [];
  if (mediaPaths(config.value, addresses).length === 0) {
    return [skipped(id, "of no instance are both media addresses on an interface")];
  }
  const bad = routes.flatMap((probe) => probe.way.ok ? [] : [{ probe, error: probe.way.error }]);
  if (bad.length === 0) return [good(id, routesText(routes))];
  if (bad.some(({ error }) => /not installed|Cannot run/.test(error))) {
    return [skipped(id, bad[0]?.error ?? "")];
  }
  if (unmetSettings(facts).length + strictForAll(facts).length > 0) {
    return [skipped(id, "the settings above come first")];
  }
  return bad.map(({ probe, error }) => {
    const { from, to, iif, target } = probe;
    const came = iif === null ? "" : ` that came in by ${iif}`;
    const what = `no way for media from ${from} to ${to}${came}: ${error}`;
    const carrier = addresses.find((each) => formatIpv4(each.address) === from);
    // By a loopback or dummy device nothing leaves, and of a swapped pair the other one is meant.
    const isSure = carrier?.bringsPackets && !config.value.instances.some(looksSwapped);
    const interfaceName = isSure ? carrier.interface : "INTERFACE";
    return target === "anybody"
      ? warning(id, what, {
        why: "parties beyond the neighbouring networks cannot be reached",
        remedy: [`ip route add default via GATEWAY dev ${interfaceName}`],
      })
      : failure(id, what, {
        why: target === "party" ? "that party of a live call hears nothing" : "calls are one-way",
        remedy: [
          "See: ip rule",
          `See: ip route get ${to} from ${from}${iif === null ? "" : ` iif ${iif}`}`,
        ],
      });
  });
}

function routesText(routes: readonly RouteProbe[]): string {
  const ways = routes.flatMap(({ from, to, way }) =>
    way.ok ? [`${from} to ${to} by ${way.value}`] : []
  );
  return ways.join(", ");
}
