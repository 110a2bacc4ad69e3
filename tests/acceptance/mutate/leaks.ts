/** Finds in an SDP what leads past the relay. */

export type LeakKind = "c=" | "m= port" | "a=rtcp" | "a=candidate" | "o=";

/** A line of a received SDP that names somebody else than the relay. */
export interface Leak {
  readonly kind: LeakKind;
  readonly line: string;
}

/** What the relay puts into SDP on one side. Kamailio may count past lastPort by 3. */
export interface RelaySide {
  readonly address: string;
  readonly firstPort: number;
  readonly lastPort: number;
}

export const TO_CALLEE: RelaySide = { address: "192.0.2.1", firstPort: 20000, lastPort: 30003 };
export const TO_CALLER: RelaySide = { ...TO_CALLEE, address: "10.10.1.1" };

/** Every line of a body, of any kind and in any wrapping, that leads past the relay. */
export function leaksOf(body: string, relay: RelaySide): readonly Leak[] {
  return body.split(/\r\n|\n|\r/).flatMap((line) => {
    const kind = kindOf(line, relay);
    return kind === undefined ? [] : [{ kind, line }];
  });
}

function kindOf(line: string, relay: RelaySide): LeakKind | undefined {
  const words = line.slice(2).trim().split(/\s+/);
  if (line.startsWith("c=")) return isElsewhere(connection(words), relay) ? "c=" : undefined;
  if (line.startsWith("o=")) return isElsewhere(words[5], relay) ? "o=" : undefined;
  if (line.startsWith("m=")) return isOtherPort(words[1], relay) ? "m= port" : undefined;
  if (line.startsWith("a=candidate:")) {
    return isElsewhere(words[4], relay) ? "a=candidate" : undefined;
  }
  if (line.startsWith("a=rtcp:")) {
    const port = words[0]?.slice("rtcp:".length);
    return isElsewhere(words[3], relay) || isOtherPort(port, relay) ? "a=rtcp" : undefined;
  }
  return undefined;
}

/** The address of a c= line, also of one that lacks "IN" or "IP4". */
function connection(words: readonly string[]): string | undefined {
  return words[2] ?? words.find((word) => /^\d+\.\d+/.test(word));
}

/** True for an address or host name that is not the relay's, with or without /ttl. 0.0.0.0 is hold. */
function isElsewhere(text: string | undefined, relay: RelaySide): boolean {
  const [address = ""] = (text ?? "").split("/");
  return !["", relay.address, "0.0.0.0"].includes(address);
}

/** True for a port that is not the relay's; port 0 is a refused stream. What is no number is no port. */
function isOtherPort(text: string | undefined, relay: RelaySide): boolean {
  const port = Number(/^\d+/.exec(text ?? "")?.[0] ?? 0);
  return port !== 0 && (port < relay.firstPort || port > relay.lastPort);
}
