import { formatEndpoint, formatIpv4, type Ipv4 } from "../../base/ipv4.ts";
import type { Facts } from "../facts.ts";
import type { Advice, CheckId, Finding } from "../finding.ts";
import { failure, good, skipped, warning } from "../finding.ts";
import { type Doubt, evaluate, type Verdict } from "../firewall/evaluate.ts";
import type { Chain, Packet, Rule, Table } from "../firewall/model.ts";
import { ownerOf, remedyFor } from "../firewall/remedy.ts";
import { type MediaPath, mediaPaths } from "../media_paths.ts";

/*
 * A packet of each direction is sent in thought through every chain of everybody else, with the
 * addresses, interfaces and ports that it has at that point, and without a tracked connection.
 */

/** Priority of the relay's chain: what comes before sees packets as they arrived. */
const OUR_PRIORITY = -300;

const HOOKS: Readonly<Record<string, CheckId>> = {
  ingress: "firewall.ingress",
  egress: "firewall.postrouting",
  prerouting: "firewall.prerouting",
  forward: "firewall.forward",
  postrouting: "firewall.postrouting",
};

const IDS: readonly CheckId[] = [
  "firewall.ingress",
  "firewall.prerouting",
  "firewall.forward",
  "firewall.postrouting",
];

const WHY = "an accept in lrkproxy's table does not override a drop in another";

/** Would somebody else's rules drop media? */
export function checkFirewall(
  { config, addresses, firewall, legacyFirewall, calls }: Facts,
): readonly Finding[] {
  if (!config.ok) return [];
  const paths = mediaPaths(config.value, addresses);
  const unread = [firewall, legacyFirewall].flatMap((each) => each.ok ? [] : [each.error]);
  if (paths.length === 0) {
    return IDS.map((id) => skipped(id, "of no instance are both media addresses on an interface"));
  }
  const tables = [firewall, legacyFirewall].flatMap((each) => each.ok ? each.value : []);
  const findings = judgeTables(tables, paths, calls);
  const bad = findings.filter(({ severity }) => severity !== "ok");
  return IDS.flatMap((id) => {
    const own = bad.filter((finding) => finding.id === id);
    if (own.length > 0) return own;
    if (unread.length > 0) return [skipped(id, unread.join("; "))];
    const passing = findings.filter((finding) => finding.id === id).map(({ what }) => what);
    const but = passing.filter((what) => what !== "");
    const all = `${passing.length} chain(s) let media pass`;
    return [
      good(id, passing.length === 0 ? "nobody else has such a chain" : [all, ...but].join("; ")),
    ];
  });
}

/**
 * What the chains of tables do with media of `paths`, and of live `calls` where that is not the same: a finding for
 * each chain that sees them, without words where there is nothing to say.
 */
export function judgeTables(
  tables: readonly Table[],
  paths: readonly MediaPath[],
  calls: readonly MediaPath[] = [],
): readonly Finding[] {
  return tables.flatMap((table) =>
    [...table.chains.values()].flatMap((chain) => judge(table, chain, { paths, calls }))
  );
}

/** What a chain does with one packet. */
interface Outcome extends Verdict {
  readonly path: MediaPath;
  readonly packet: Packet;
}

/** What a chain does with the first packet that it would drop, else with one that it may drop. */
function judge(
  table: Table,
  chain: Chain,
  { paths, calls }: { readonly paths: readonly MediaPath[]; readonly calls: readonly MediaPath[] },
): readonly Finding[] {
  const id = chain.hook && HOOKS[chain.hook.hook];
  // Chains of type nat see the first packet of tracked connections alone.
  if (!id || !chain.hook || chain.hook.type === "nat") return [];
  const outcomesOf = (some: readonly MediaPath[]): readonly Outcome[] =>
    some.flatMap((path) =>
      packetsAt(chain, path).map((packet) => ({ path, packet, ...evaluate(table, chain, packet) }))
    );
  const [outcomes, ofCalls] = [outcomesOf(paths), outcomesOf(calls)];
  if (outcomes.length === 0) return [];
  const place = `${ownerOf(table, chain)}, chain ${chain.name}`;
  const advice = (affected: readonly MediaPath[]): Advice => {
    const toPass = { paths: affected, before: seesArrivals(chain) };
    return { why: WHY, remedy: remedyFor(table, chain, toPass) };
  };
  const affected = paths.filter((each) =>
    outcomes.some((outcome) => outcome.path === each && certainty(outcome) !== "passes")
  );
  const dropped = outcomes.find((outcome) => certainty(outcome) === "drops");
  if (dropped) {
    const flow = describe(dropped.packet, dropped.path);
    const what = `${place} drops media ${flow}: ${culprit(dropped, chain)}`;
    return [failure(id, what, advice(affected))];
  }
  const lost = ofCalls.filter((outcome) => certainty(outcome) === "drops");
  const [first] = lost;
  if (first) {
    const what =
      `${place} drops media of live calls (${lost.length} of ${ofCalls.length} directions), ` +
      `${describeCall(first.packet)}: ${culprit(first, chain)}`;
    return [warning(id, what, advice(lost.map(({ path }) => path)))];
  }
  const doubtful = outcomes.find((outcome) => certainty(outcome) === "may drop");
  if (doubtful) {
    const flow = describe(doubtful.packet, doubtful.path);
    const what = `${place} may drop media ${flow}: cannot tell what ${doubtText(doubtful)} does`;
    return [warning(id, what, advice(affected))];
  }
  const picky = outcomes.filter((outcome) => pickyRule(outcome, chain) !== null);
  const rule = picky[0] ? pickyRule(picky[0], chain) : null;
  if (!rule) return [good(id, "")];
  const what = `${place} does not let media of some parties pass: rule "${rule.text}"`;
  return [
    ofCalls.length > 0
      ? good(id, `${what} (no call is up with one of them)`)
      : warning(id, what, advice(paths.filter((each) => picky.some(({ path }) => path === each)))),
  ];
}

/** A rule by which a packet that passes would not, if it were of certain parties. */
function pickyRule({ verdict, doubts }: Verdict, { hook }: Chain): Rule | null {
  if (verdict !== "accept") return null;
  const harms = ({ effect }: Doubt): boolean =>
    effect === "drop" || effect === "unknown" || effect === "return" && hook?.policy === "drop";
  return doubts.find((doubt) => doubt.match === "some" && harms(doubt))?.rule ?? null;
}

type Certainty = "passes" | "may drop" | "drops";

/** Rules that pick out some remote parties help few if they accept, and harm few if they drop: see {@link pickyRule}. */
function certainty({ verdict, doubts }: Verdict): Certainty {
  const unclear = doubts.filter(({ match }) => match === "unknown");
  if (verdict === "accept") {
    return unclear.some(({ effect }) => effect !== "accept") ? "may drop" : "passes";
  }
  if (unclear.some(({ effect }) => effect !== "drop")) return "may drop";
  return doubts.some(({ effect }) => effect === "accept" || effect === "return")
    ? "may drop"
    : "drops";
}

function culprit({ by }: Verdict, chain: Chain): string {
  return by ? `rule "${by.text}"` : `policy ${chain.hook?.policy}`;
}

function doubtText({ doubts, verdict }: Verdict): string {
  const doubt = doubts.find(({ effect, match }) => match === "unknown" && effect !== verdict) ??
    doubts.find(({ effect }) => effect !== verdict);
  return `rule "${doubt?.rule.text ?? ""}"`;
}

function describe(packet: Packet, path: MediaPath): string {
  const { source, arrival, iif, oif } = path;
  return packet.saddr === "remote"
    ? `to ${formatIpv4(arrival)}:${packet.dport} on ${iif}`
    : `from ${formatIpv4(source)}:${packet.sport} (${iif} to ${oif})`;
}

/** From where to where a packet of a call is on its way. */
function describeCall({ saddr, sport, daddr, dport, remote }: Packet): string {
  const end = (address: Ipv4 | "remote", port: number | "remote"): string =>
    address === "remote" || port === "remote"
      ? remote ? formatEndpoint(remote) : "anybody"
      : formatEndpoint({ address, port });
  return `from ${end(saddr, sport)} to ${end(daddr, dport)}`;
}

/** Whether a chain sees packets before the relay has rewritten them. */
export function seesArrivals({ hook }: Chain): boolean {
  if (hook?.hook === "ingress") return true;
  return hook?.hook === "prerouting" && hook.priority < OUR_PRIORITY;
}

/** Packets of a direction as a chain sees them, at a few ports of the range; none on other devices. */
export function packetsAt(chain: Chain, path: MediaPath): readonly Packet[] {
  const { hook } = chain;
  if (!hook) return [];
  if (hook.hook === "ingress" && !hook.devices.includes(path.iif)) return [];
  if (hook.hook === "egress" && !hook.devices.includes(path.oif)) return [];
  const before = seesArrivals(chain);
  const { iif, oif, source: saddr, arrival: daddr, call } = path;
  return portsAt(path, before).map((port): Packet =>
    before
      ? {
        ...{ iif, oif: null, saddr: "remote", sport: "remote", daddr, dport: port },
        remote: call && call.sender,
        ctstate: "invalid",
      }
      : {
        iif: hook.hook === "postrouting" || hook.hook === "egress" ? null : iif,
        oif: hook.hook === "prerouting" ? null : oif,
        saddr,
        sport: port,
        daddr: "remote",
        dport: "remote",
        remote: call && call.receiver,
        ctstate: "untracked",
      }
  );
}

function portsAt({ ports: [first, last], call }: MediaPath, before: boolean): readonly number[] {
  if (call) return [before ? call.arrivalPort : call.sourcePort];
  return [...new Set([first, first + 1, (first + last) >> 1, last - 1, last])];
}
