/** Why an SDP may have come past the relay, by what the message looks like; and what documents allow. */
import type { Carrier } from "./events.ts";
import type { Leak, LeakKind } from "./leaks.ts";
import { split, value } from "./message.ts";

export type Reason =
  | "multipart body"
  | "Content-Type other than application/sdp"
  | "Content-Length wrong"
  | "stream other than audio"
  | "Call-ID over 48 bytes"
  | "SDP over 900 bytes"
  | "no plain IPv4 in a c="
  | "no c="
  | "several c="
  | "several m=audio"
  | "no reason seen";

/** What is let through, and where that is written. What is left out fits all. */
interface Rule {
  readonly kind?: LeakKind;
  readonly carrier?: Carrier;
  readonly reason?: Reason;
  readonly where: string;
}

/**
 * Each is counted all the same. A row of the documents that lets other messages through, as a table of
 * offers and answers would, becomes a line here.
 */
const RULES: readonly Rule[] = [
  { kind: "o=", where: "names the session's author; no media go there (RFC 8866, 5.2)" },
  { kind: "a=rtcp", where: 'docs/PROTOCOL.md: "rewrites no a=rtcp: line"' },
  { kind: "a=candidate", where: "README.md: takes no part in ICE" },
];

/** Where it is written that a leak is let through, or nothing. */
export function whereAllowed(carrier: Carrier, leak: Leak, reason: Reason): string | undefined {
  return RULES.find((rule) =>
    (rule.kind ?? leak.kind) === leak.kind && (rule.carrier ?? carrier) === carrier &&
    (rule.reason ?? reason) === reason
  )?.where;
}

function count(body: string, lines: RegExp): number {
  return body.match(lines)?.length ?? 0;
}

/** The first thing about a message, of those that keep Kamailio from rewriting it, for a line in it. */
export function reasonOf({ kind, line }: Leak, message: string): Reason {
  const parts = split(message);
  const { body } = parts;
  const type = value(parts, "content-type").toLowerCase();
  if (type.startsWith("multipart/")) return "multipart body";
  if (!/^application\/sdp\s*(;|$)/.test(type)) return "Content-Type other than application/sdp";
  if (value(parts, "content-length") !== String(body.length)) return "Content-Length wrong";
  if (value(parts, "call-id").length > 48) return "Call-ID over 48 bytes";
  if (body.length > 900) return "SDP over 900 bytes";
  if (/^c=(?!IN IP4 \d[\d.]{6,14}\r?$)/m.test(body)) return "no plain IPv4 in a c=";
  if (kind === "m= port" && !line.startsWith("m=audio ")) return "stream other than audio";
  if (count(body, /^c=/gm) === 0) return "no c=";
  if (count(body, /^m=audio/gm) > 1) return "several m=audio";
  if (count(body, /^c=/gm) > 1) return "several c=";
  return "no reason seen";
}
