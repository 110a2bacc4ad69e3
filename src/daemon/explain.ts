import type { PartyView, SessionView, StrangerView } from "../control/admin.ts";

/** A flow that moved this recently counts as flowing. */
const FLOWING_SECONDS = 20;

/** Why a call is one-way or silent, in sentences for an operator; the most telling first. */
export function explain(
  session: SessionView,
  strangers: readonly StrangerView[],
): readonly string[] {
  const parties = [["caller", session.caller], ["callee", session.callee]] as const;
  const findings = parties.flatMap(([name, party]) => partyFindings(name, party, strangers));
  return findings.length > 0 ? findings : ["Media flows both ways."];
}

function partyFindings(
  name: string,
  party: PartyView,
  strangers: readonly StrangerView[],
): readonly string[] {
  const findings: string[] = [];
  const address = addressOf(party.signalled);
  if (party.onHold) {
    findings.push(`The ${name} is on hold (SDP says ${party.signalled}): nothing is sent there.`);
  }
  const { packets, ageSeconds, source } = party.rtp;
  if (packets === 0 && address === "0.0.0.0") return findings;
  if (packets === 0) {
    findings.push(
      `The ${name} was never heard: no RTP from ${address} has come to ${party.relay}.`,
    );
  } else if (ageSeconds !== null && ageSeconds > FLOWING_SECONDS) {
    findings.push(`The ${name} has been silent for ${Math.round(ageSeconds)} s.`);
  }
  if (source !== null && source !== party.signalled) {
    findings.push(
      `The ${name}'s RTP comes from ${source}, SDP says ${party.signalled}: NAT. It is sent to ${source}.`,
    );
  }
  for (const stranger of strangers.filter(({ to }) => isAt(to, party.relay))) {
    findings.push(strangerFinding(stranger, name, party));
  }
  return findings;
}

function strangerFinding(
  { from, to, packets }: StrangerView,
  name: string,
  party: PartyView,
): string {
  const what = `${packets} packet${packets === 1 ? "" : "s"} from ${from} to ${to} refused`;
  if (addressOf(from) === addressOf(party.signalled)) {
    return `${what}: the ${name}'s address, but the flow is locked to another port (a second sender?).`;
  }
  const hint = party.rtp.packets === 0
    ? `; if that is the ${name}, its NAT address is not in the SDP`
    : "";
  return `${what}: SDP says that the ${name} is at ${addressOf(party.signalled)}${hint}.`;
}

/** Whether a socket is the RTP or the RTCP one of a relay socket. */
function isAt(socket: string, relay: string): boolean {
  const rtcp = `${addressOf(relay)}:${Number(relay.slice(relay.lastIndexOf(":") + 1)) + 1}`;
  return socket === relay || socket === rtcp;
}

function addressOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":"));
}
