import type { LossView, PartyView, SessionReport, SessionView } from "../../control/admin.ts";
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

function lastHeard({ rtp, rtcp }: PartyView): string {
  const ages = [rtp.ageSeconds, rtcp.ageSeconds].filter((age) => age !== null);
  return ages.length === 0 ? "never" : `${Math.min(...ages).toFixed(1)} s ago`;
}

/** `lrkproxy show` for people. */
export function reportText({ session, strangers, loss, findings }: SessionReport): string {
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
    ...findings.map((finding) => `=> ${finding}`),
  ];
  return lines.join("\n") + "\n";
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
      flow.ageSeconds === null ? "never" : `${flow.ageSeconds.toFixed(1)} s ago`,
    ];
  });
}
