import { DEFAULT_CONFIG, withConfig } from "../../config/commands.ts";
import type {
  FlowView,
  LossView,
  PartyView,
  SessionReport,
  SessionView,
  WayView,
} from "../../control/admin.ts";
import { byteSize, duration, table, visible } from "../output.ts";

/** `lrkproxy sessions` for people: two lines a session, one for each direction. */
export function sessionsText(sessions: readonly SessionView[]): string {
  if (sessions.length === 0) return "No sessions.\n";
  const head = [
    "call-id",
    "state",
    "path",
    "age",
    "from",
    "SDP says",
    "heard from",
    "relay",
    "packets",
    "bytes",
    "RTCP",
    "last",
  ];
  const rows = sessions.flatMap(({ callId, state, path, ageSeconds, caller, callee }) => [
    [callId, state, path, duration(ageSeconds), "caller", ...partyCells(caller)],
    ["", "", "", "", "callee", ...partyCells(callee)],
  ]);
  return table([head, ...rows]);
}

function partyCells(party: PartyView): readonly (string | number)[] {
  const { rtp, rtcp } = party;
  return [
    party.onHold ? "hold" : party.signalled,
    heardFrom(party),
    party.relay,
    rtp.packets,
    byteSize(rtp.bytes),
    rtcp.packets,
    lastHeard(party),
  ];
}

function heardFrom({ rtp, signalled }: PartyView): string {
  if (rtp.source === null) return rtp.packets > 0 ? "any port" : "-";
  return rtp.source === signalled ? "the same" : rtp.source;
}

/** Counts read longer apart than this do not tell when the last packet came. */
const CERTAIN_SECONDS = 1;

function lastHeard({ rtp, rtcp }: PartyView): string {
  const most = ({ ageAtMostSeconds }: FlowView): number => ageAtMostSeconds ?? Infinity;
  return lastOf(most(rtcp) < most(rtp) ? rtcp : rtp);
}

function lastOf({ ageSeconds, ageAtMostSeconds }: FlowView): string {
  if (ageSeconds === null) return "never";
  const most = ageAtMostSeconds ?? ageSeconds;
  return most - ageSeconds > CERTAIN_SECONDS
    ? `within ${duration(most)}`
    : `${ageSeconds.toFixed(1)} s ago`;
}

/**
 * `lrkproxy show` for people; `machine` is what this machine itself does to the call, `config` the file that the
 * command was given.
 */
export function reportText(
  { session, strangers, loss, ways, findings }: SessionReport,
  machine: readonly string[] = [],
  config = DEFAULT_CONFIG,
): string {
  const since = new Date(session.createdMs).toISOString();
  const lines = [
    `Call-ID   ${visible(session.callId)}`,
    `state     ${session.state}, opened ${since}, ${duration(session.ageSeconds)} ago`,
    `instance  ${session.instance}`,
    `path      ${pathText(session)}`,
    "",
    table([
      ["", "SDP says", "relay", "flow", "latch", "heard from", "packets", "bytes", "last"],
      ...partyRows("caller", session.caller),
      ...partyRows("callee", session.callee),
    ]),
    ...loss.map(lossText),
    ...strangers.map(({ from, to, packets }) =>
      `refused   ${packets} packet${packets === 1 ? "" : "s"} from ${from} to ${to}`
    ),
    ...ways.map(wayText),
    ...agreed(machine, unsaid(findings, machine)).map((finding) =>
      `=> ${visible(curable(finding, config))}`
    ),
  ];
  return lines.join("\n") + "\n";
}

/** A finding with the commands of its cure as they have to be run. */
function curable(finding: string, config: string): string {
  const at = finding.indexOf("Cure: ");
  return at < 0 ? finding : finding.slice(0, at) + withConfig(finding.slice(at), config);
}

/**
 * That packets pass, or are forwarded, is not said beside what keeps them from it; and nobody is sent to look at this
 * machine where it has just been looked at.
 */
function agreed(machine: readonly string[], findings: readonly string[]): readonly string[] {
  const isFault = (line: string): boolean =>
    /^(This machine: (?!Kamailio )|Nothing reaches )|did not fit the way/.test(line);
  const all = [...machine, ...findings];
  const isClaim = /let the call's RTP pass|is forwarded by the relay/;
  if (all.some(isFault)) return all.filter((line) => !isClaim.test(line));
  const isLookedAt = machine.some((line) => isClaim.test(line));
  return all.filter((line) => !isLookedAt || !/sudo lrkproxy doctor looks at/.test(line));
}

/** What the daemon says of its machine is not said twice. */
function unsaid(findings: readonly string[], machine: readonly string[]): readonly string[] {
  const said = machine.map((each) => (each.split(" (")[0] ?? "").toLowerCase());
  return findings.filter((each) => !said.some((start) => each.toLowerCase().startsWith(start)));
}

function wayText({ to, link, nextHop, mtu }: WayView): string {
  const hop = nextHop === null ? "" : ` via ${nextHop}`;
  const size = mtu === null ? "" : `, MTU ${mtu}`;
  return `way       to the ${to} ${link === null ? "there is none" : `by ${link}${hop}${size}`}`;
}

function lossText({ party, sent, lost }: LossView): string {
  return `lost      ${lost} of ${sent} RTP packets of the ${party} on their way here, since they go through the kernel module`;
}

function pathText({ path, pathReason }: SessionView): string {
  return pathReason === null ? path : `${path} (not faster: ${pathReason})`;
}

function partyRows(name: string, party: PartyView): readonly (readonly (string | number)[])[] {
  return (["rtp", "rtcp"] as const).map((kind) => {
    const flow = party[kind];
    const first = kind === "rtp";
    return [
      first ? name : "",
      first ? party.onHold ? `hold (${party.signalled})` : party.signalled : "",
      first ? party.relay : "",
      kind.toUpperCase(),
      flow.latch,
      flow.source ?? "-",
      flow.packets,
      byteSize(flow.bytes),
      lastOf(flow),
    ];
  });
}
