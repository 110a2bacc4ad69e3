import { readLink } from "../base/procfs.ts";
import { err, type Result } from "../base/result.ts";
import type { CommonOptions } from "../cli/args.ts";
import type { Config } from "../config/config.ts";
import { readConfig } from "../config/load.ts";
import type { SessionReport, SessionView } from "../control/admin.ts";
import { type LocalAddress, localNetwork } from "../daemon/media.ts";
import { type CallDirection, type CallFacts, examineCall } from "./checks/call.ts";
import { endsOf, hostOf, remoteOf } from "./ends.ts";
import type { Finding } from "./finding.ts";
import { gatherFirewalls } from "./gather/firewalls.ts";
import { askRoute, gatherLinks, gatherSysctls } from "./gather/network.ts";
import { portsOf } from "./media_paths.ts";

/** Calls that are shown, and the network namespace that they are in. */
export interface ShownCalls {
  readonly reports: readonly SessionReport[];
  readonly namespace: string | null;
}

const LOOKED_AT =
  "This machine's addresses, settings, routes and firewalls let the call's RTP pass.";

/** What this machine itself does to calls, some sentences for each. Nothing is changed. */
export async function examineCalls(
  options: CommonOptions,
  { reports, namespace }: ShownCalls,
): Promise<readonly (readonly string[])[]> {
  if (reports.length === 0) return [];
  try {
    return await examineAll(options, { reports, namespace });
  } catch (error) {
    // What the daemon knows of the call is worth printing all the same.
    const reason = error instanceof Error ? error.message : String(error);
    return reports.map(() => [`This machine's firewalls and routes were not looked at: ${reason}`]);
  }
}

async function examineAll(
  options: CommonOptions,
  { reports, namespace }: ShownCalls,
): Promise<readonly (readonly string[])[]> {
  if (namespace === null || namespace !== readLink("/proc/self/ns/net")) {
    const elsewhere = "This machine's firewalls and routes were not looked at: the daemon is in " +
      "another network namespace (ip netns exec NAME lrkproxy show CALL-ID)";
    return reports.map(() => [elsewhere]);
  }
  const [config, firewalls] = await Promise.all([readConfig(options.config), gatherFirewalls()]);
  const { addresses, numbered } = localNetwork();
  return await Promise.all(reports.map(async ({ session }) => {
    const directions = await directionsOf(session, { config, addresses });
    const interfaces = directions.flatMap(({ iif }) => iif === null ? [] : [iif]);
    const sysctls = gatherSysctls([...new Set(interfaces)]);
    const own = directions.flatMap(({ arrival, source }) => [arrival, source]);
    const carriers = addresses.filter(({ address }) => own.includes(address));
    return sentences({
      directions,
      addresses,
      links: gatherLinks([...new Set(carriers.map((each) => each.interface))]),
      numbered,
      sysctls,
      isFast: session.path === "kmod",
      isTwoWay: [session.caller, session.callee].every(({ rtp }) => rtp.packets > 0),
      ...firewalls,
    });
  }));
}

function sentences(facts: CallFacts): readonly string[] {
  const found = examineCall(facts).flatMap(findingLines);
  const unread = [facts.firewall, facts.legacyFirewall].flatMap((each) =>
    each.ok ? [] : [each.error]
  );
  if (unread.length > 0) {
    const why = unread.map((error) => error.split("\n")[0]).join("; ");
    found.push(`This machine's firewalls could not be looked at; as root they can (${why})`);
  }
  return found.length > 0 || facts.directions.length === 0 ? found : [LOOKED_AT];
}

function findingLines({ what, why, remedy }: Finding): readonly string[] {
  const cures = remedy.map((each) => each.startsWith("See: ") ? each : `Cure: ${each}`);
  return [`This machine: ${what}${why === null ? "" : ` (${why})`}`, ...cures];
}

/** Both directions of a call, or those in which something is to be sent. */
async function directionsOf(
  { instance, caller, callee }: SessionView,
  { config, addresses }: {
    readonly config: Result<Config, unknown>;
    readonly addresses: readonly LocalAddress[];
  },
): Promise<readonly CallDirection[]> {
  const found = config.ok ? config.value.instances.find(({ name }) => name === instance) : null;
  const ports = found ? portsOf(found) : null;
  const pairs = [[caller, callee], [callee, caller]] as const;
  const directions = await Promise.all(pairs.map(async ([from, to]) => {
    const ends = endsOf(from, to);
    if (!ends) return [];
    const { arrival, source, ...others } = ends;
    const carrier = addresses.find(({ address }) => address === arrival.address)?.arrival ?? null;
    const back = await askRoute({ from: hostOf(from.relay), to: hostOf(remoteOf(from)) });
    const iif = back.ok ? back.value : carrier;
    return [{
      packets: { ...others, arrivalPort: arrival.port, sourcePort: source.port },
      ...{ arrival: arrival.address, source: source.address, iif },
      way: iif === null
        ? err("it is not known where they come in")
        : await askRoute({ from: hostOf(to.relay), to: hostOf(remoteOf(to)), iif }),
      ports: ports ?? [source.port, source.port + 1] as const,
    }];
  }));
  return directions.flat();
}
