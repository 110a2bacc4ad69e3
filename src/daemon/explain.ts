import type { FlowView, PartyView, SessionView, StrangerView, WayView } from "../control/admin.ts";
import { isOfCallsToCome, remediesOf } from "./warnings.ts";

/** A flow that moved this recently counts as flowing. */
const FLOWING_SECONDS = 20;

/** What is known of a call besides its own counts. */
export interface Circumstances {
  readonly strangers: readonly StrangerView[];
  /** What the daemon complains about that concerns this call's addresses or interfaces. */
  readonly warnings: readonly string[];
  /** What the kernel would do with a packet to either party; empty where nobody has looked. */
  readonly ways: readonly WayView[];
}

type PartyName = "caller" | "callee";

/** Of no use to somebody who has just looked: `lrkproxy show` leaves it out then. */
const LOOK_AT_MACHINE = "sudo lrkproxy doctor looks at firewalls and routes of this machine.";

/**
 * Why a call is one-way or silent, in sentences for an operator. The machine's own faults come first:
 * a party that is sent nothing often sends nothing.
 */
export function explain(
  session: SessionView,
  { strangers, warnings, ways }: Circumstances,
): readonly string[] {
  const { caller, callee } = session;
  const faults = warnings.filter((warning) => !isOfCallsToCome(warning));
  // Without an address or a setting there can be no way.
  const known = ways.map((way) => faults.length > 0 ? { ...way, refusal: null } : way);
  const own = [
    ...faults.map(warningFinding),
    ...known.flatMap((way) => wayFindings(way, session[way.to])),
  ];
  return [
    ...own,
    ...warnings.filter(isOfCallsToCome).map(warningFinding),
    ...partyFindings("caller", caller, { strangers, ways }),
    ...partyFindings("callee", callee, { strangers, ways }),
    // What is forwarded is not worth saying where something is known to keep it from arriving.
    ...own.length > 0 ? [] : nextStep(session),
  ];
}

function warningFinding(warning: string): string {
  return `This machine: ${warning}. Cure: ${remediesOf(warning).join("; ")}`;
}

/** What is wrong with the way of packets to a party. */
function wayFindings(way: WayView, { rtp, signalled }: PartyView): readonly string[] {
  const { to, from, address, link, refusal, nextHop, isNextHopSilent } = way;
  const findings: string[] = [];
  if (refusal !== null) {
    findings.push(
      `This machine: no way for media from ${from} to ${
        rtp.source ?? signalled
      }: ${refusal} (that party hears ` +
        `nothing). See: ip route get ${address} from ${from}`,
    );
  }
  if (isNextHopSilent) {
    const hop = nextHop ?? address;
    findings.push(
      `Nothing reaches the ${to}: ${hop} on ${link} does not answer ARP. See: ip neigh show ${hop}`,
    );
  }
  return [...findings, ...sizeFindings(way)];
}

function sizeFindings({ to, tooBigPackets, fitsBytes }: WayView): readonly string[] {
  if (tooBigPackets === 0) return [];
  const other = to === "caller" ? "callee" : "caller";
  const packets = `${tooBigPackets} packet${tooBigPackets === 1 ? "" : "s"}`;
  return [
    `${packets} of the ${other} did not fit the way to the ${to}, which takes ${fitsBytes} bytes: dropped, and the ` +
    `${other} was told (ICMP). For ten minutes it sends fragments at most, which are not relayed: let it send less at a time, or raise the MTU and wait.`,
  ];
}

function partyFindings(
  name: PartyName,
  party: PartyView,
  { strangers, ways }: Pick<Circumstances, "strangers" | "ways">,
): readonly string[] {
  const findings: string[] = [];
  const address = addressOf(party.signalled);
  if (party.onHold) {
    findings.push(`The ${name} is on hold (SDP says ${party.signalled}): nothing is sent there.`);
  }
  const { source } = party.rtp;
  // An error about what the party was sent counts as its packet (docs/adr/0012).
  const errors = ways.find(({ to }) => to === name)?.tooBigPackets ?? 0;
  const packets = source === null ? Math.max(0, party.rtp.packets - errors) : party.rtp.packets;
  if (packets === 0 && address === "0.0.0.0") return findings;
  if (packets === 0) {
    findings.push(
      `The ${name} was never heard: no RTP from ${address} has come to ${party.relay}.`,
    );
  } else {
    findings.push(...silenceFindings(name, party.rtp));
  }
  if (source !== null && source !== party.signalled) {
    findings.push(
      `The ${name}'s RTP comes from ${source}, SDP says ${party.signalled}: NAT. It is sent to ${source}.`,
    );
  }
  // Who spoke before the call was opened was turned away then, and is the party now.
  const known = [party.rtp.source, party.rtcp.source];
  const others = strangers.filter(({ from }) => !known.includes(from));
  for (const stranger of others.filter(({ to }) => isAt(to, party.relay))) {
    findings.push(strangerFinding(stranger, name, party));
  }
  return findings;
}

function silenceFindings(name: PartyName, rtp: FlowView): readonly string[] {
  if (isFlowing(rtp)) return [];
  const least = rtp.ageSeconds ?? 0;
  const most = rtp.ageAtMostSeconds ?? least;
  if (most - least <= FLOWING_SECONDS) {
    return [`The ${name} has been silent for ${Math.round(least)} s.`];
  }
  return [
    `The ${name} is silent now: its last RTP came ${Math.round(least)} to ${
      Math.round(most)
    } s ago.`,
  ];
}

/** Whether packets came within the last seconds for sure. */
function isFlowing({ packets, ageSeconds, ageAtMostSeconds }: FlowView): boolean {
  return packets > 0 && (ageAtMostSeconds ?? ageSeconds ?? Infinity) <= FLOWING_SECONDS;
}

/** What to do next: only what has come to the relay is known here, never what has arrived. */
function nextStep({ caller, callee }: SessionView): readonly string[] {
  if (caller.onHold || callee.onHold) return [];
  const heard = ([["caller", caller], ["callee", callee]] as const)
    .filter(([, { rtp }]) => isFlowing(rtp));
  if (heard.length === 2) {
    return [
      "Both parties are heard, and what they send is forwarded by the relay. Whether it arrives is not seen here.",
      `If one of them hears nothing: ${LOOK_AT_MACHINE}`,
      `What leaves this machine: tcpdump -ni any udp src port ${
        portOf(callee.relay)
      } (to the callee) or ` +
      `${portOf(caller.relay)} (to the caller).`,
    ];
  }
  if (heard.length === 0) {
    return [
      `Nobody is heard now: tcpdump -ni any udp port ${portOf(caller.relay)} or udp port ` +
      `${
        portOf(callee.relay)
      } shows whether anything comes to this machine; if not, look where SDP ` +
      "sends both parties.",
    ];
  }
  return heard.flatMap(([name]) => {
    const [other, relay] = name === "caller"
      ? ["callee", callee.relay] as const
      : ["caller", caller.relay] as const;
    return [
      `The ${name} is heard, and what it sends is forwarded by the relay. Whether it arrives is not seen here.`,
      `Before the ${other} is blamed: ${LOOK_AT_MACHINE}`,
      `What leaves this machine and what comes: tcpdump -ni any udp port ${portOf(relay)}.`,
    ];
  });
}

function strangerFinding(
  { from, to, packets }: StrangerView,
  name: PartyName,
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
  return socket === relay || socket === `${addressOf(relay)}:${portOf(relay) + 1}`;
}

function addressOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":"));
}

function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(":") + 1));
}
