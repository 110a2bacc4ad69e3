import { type Endpoint, parseIpv4 } from "../base/ipv4.ts";
import type { PartyView } from "../control/admin.ts";

/** The ends of one direction of a call on either side of the relay. */
export type Ends = Readonly<Record<"sender" | "arrival" | "source" | "receiver", Endpoint>>;

/** The ends of one direction of a call; null if nothing is to be sent. */
export function endsOf(from: PartyView, to: PartyView): Ends | null {
  const sender = endpoint(remoteOf(from));
  const receiver = endpoint(remoteOf(to));
  const [arrival, source] = [endpoint(from.relay), endpoint(to.relay)];
  if (!sender || !receiver || !arrival || !source) return null;
  if (to.onHold || sender.address === 0) return null;
  return { sender, arrival, source, receiver };
}

/** Where a party is: `address:port` that it was heard from, else what SDP says. */
export function remoteOf({ rtp, signalled }: PartyView): string {
  return rtp.source ?? signalled;
}

/** The address of `address:port`. */
export function hostOf(text: string): string {
  return text.slice(0, text.lastIndexOf(":"));
}

function endpoint(text: string): Endpoint | null {
  const address = parseIpv4(hostOf(text));
  return address.ok
    ? { address: address.value, port: Number(text.slice(text.lastIndexOf(":") + 1)) }
    : null;
}
