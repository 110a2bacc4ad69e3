import { type Endpoint, formatIpv4 } from "../base/ipv4.ts";
import type { WayView } from "../control/admin.ts";
import type { TooBig } from "../core/backend.ts";
import { isHeld, type Leg, type Session } from "../core/session.ts";
import type { Link } from "../rtnetlink/answers.ts";
import type { Rtnetlink } from "../rtnetlink/rtnetlink.ts";

/** Whom to ask about the ways of packets. */
export interface WaySources {
  readonly rtnetlink: Rtnetlink;
  readonly linkOf: (index: number) => Link | undefined;
  /** All packets that did not fit lately. */
  readonly tooBig: readonly TooBig[];
}

/** What becomes of packets to either party of a session; nothing of one on hold. */
export function waysOf({ a, b }: Session, sources: WaySources): readonly WayView[] {
  const legs = [["caller", a, b], ["callee", b, a]] as const;
  return legs.filter(([, leg]) => !isHeld(leg))
    .map(([to, leg, other]) => ({ to, ...wayTo(leg, other, sources) }));
}

function wayTo(
  { remote: { address }, local }: Leg,
  other: Leg,
  { rtnetlink, linkOf, tooBig }: WaySources,
): Omit<WayView, "to"> {
  const question = { to: address, from: local.address, ...arrivalOf(other, rtnetlink) };
  const way = rtnetlink.wayOf(question);
  const [hop] = way.ok ? way.value.nextHops : [];
  const link = hop && linkOf(hop.index);
  // Both legs may have one relay socket, and one that is free again is another call's.
  const lost = tooBig.filter(({ from, to }) => isOf(local, from) && to.address === address);
  return {
    ...{ from: formatIpv4(local.address), address: formatIpv4(address) },
    link: link?.name ?? null,
    refusal: way.ok ? null : way.error,
    nextHop: hop && hop.gateway !== null ? formatIpv4(hop.gateway) : null,
    isNextHopSilent: hop !== undefined && rtnetlink.isUnanswered(hop.gateway ?? address, hop.index),
    mtu: (way.ok ? way.value.mtuBytes : null) ?? link?.mtuBytes ?? null,
    tooBigPackets: lost.reduce((sum, { packets }) => sum + packets, 0),
    fitsBytes: lost.length === 0 ? null : Math.min(...lost.map(({ mtuBytes }) => mtuBytes)),
  };
}

/** The interface that a party's packets come in by, as far as its route tells. */
function arrivalOf({ remote, local }: Leg, rtnetlink: Rtnetlink): { readonly iif?: number } {
  const route = rtnetlink.routeOf({ to: remote.address, from: local.address });
  const [hop] = route.ok ? route.value.nextHops : [];
  return hop ? { iif: hop.index } : {};
}

/** Whether a socket is the RTP or the RTCP one of a relay socket. */
function isOf(relay: Endpoint, { address, port }: Endpoint): boolean {
  return address === relay.address && (port === relay.port || port === relay.port + 1);
}
