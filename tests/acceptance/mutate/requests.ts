/** Requests and responses that are not mutated: what a sound endpoint sends about a mutated INVITE. */
import { CALLEE_HOST, CALLER_HOST, sipPort } from "./dialogs.ts";
import { join, nameOf, type Parts, value, valueOf, values } from "./message.ts";

/** The header lines of a name, as they are. */
function raw(parts: Parts, name: string): readonly string[] {
  return parts.headers.filter((header) => nameOf(header) === name);
}

function message(start: string, headers: readonly string[], body = ""): string {
  const type = body === "" ? [] : ["Content-Type: application/sdp"];
  const length = `Content-Length: ${body.length}`;
  return join({ start, headers: [...headers, ...type, length], lineEnd: "\r\n", body });
}

function uriOf(invite: Parts): string {
  return invite.start.split(" ")[1] ?? "";
}

/** The number of a CSeq, or 1 if it has none. */
function numberOf(invite: Parts): string {
  return /^\d+/.exec(value(invite, "cseq"))?.[0] ?? "1";
}

/** A request of the INVITE's own hop: its topmost Via and nothing beyond it. */
function onTheHop(method: string, invite: Parts, to: readonly string[]): string {
  const [via = ""] = raw(invite, "via").map((line) => line.split(/,\s*SIP\/2/)[0] ?? "");
  return message(`${method} ${uriOf(invite)} SIP/2.0`, [
    via,
    ...raw(invite, "from").slice(0, 1),
    ...to.slice(0, 1),
    ...raw(invite, "call-id").slice(0, 1),
    `CSeq: ${numberOf(invite)} ${method}`,
    "Max-Forwards: 70",
  ]);
}

export function cancelOf(invite: Parts): string {
  return onTheHop("CANCEL", invite, raw(invite, "to"));
}

/** The ACK to a response that refuses. */
export function ackOfRefusal(invite: Parts, response: Parts): string {
  return onTheHop("ACK", invite, raw(response, "to"));
}

/** The way that the 200's Record-Route names; for one that lost it, the way that there is. */
function routes(answer: Parts): readonly string[] {
  const found = values(answer, "record-route")
    .flatMap((value) => value.match(/<[^<>]*>/g) ?? [])
    .filter((uri) => /@?(10\.10\.1\.1|192\.0\.2\.1)[;:>]/.test(uri))
    .reverse();
  // A line that a mutation repeated names the same two again.
  const once = [...new Set(found)];
  const isWhole = once[0]?.includes("10.10.1.1") ?? false;
  return isWhole ? once : ["<sip:10.10.1.1;r2=on;lr>", "<sip:192.0.2.1;r2=on;lr>"];
}

/** A request inside the dialog that a 200 has made; ACK has the number of the INVITE. */
export function inDialog(
  method: "ACK" | "BYE",
  { invite, answer, body = "" }: { invite: Parts; answer: Parts; body?: string },
): string {
  const number = numberOf(invite);
  const next = number.length > 9 ? "2" : String(Number(number) + 1);
  const user = /sips?:(m\d+)@/.exec(invite.start)?.[1] ?? "";
  const via = `${CALLER_HOST}:${sipPort(Number(user.slice(1)))}`;
  return message(`${method} sip:${user}@${CALLEE_HOST}:5060 SIP/2.0`, [
    `Via: SIP/2.0/UDP ${via};branch=z9hG4bK${method}-${user};rport`,
    ...routes(answer).map((route) => `Route: ${route}`),
    ...raw(invite, "from").slice(0, 1),
    ...raw(answer, "to").slice(0, 1),
    ...raw(invite, "call-id").slice(0, 1),
    `CSeq: ${method === "ACK" ? number : next} ${method}`,
    "Max-Forwards: 70",
  ], body);
}

/** A bare response of the callee's: what it must copy, and a tag. */
export function reply(request: Parts, line: string, tag: string): string {
  const [to = "To: <sip:unknown>"] = raw(request, "to");
  return message(`SIP/2.0 ${line}`, [
    ...raw(request, "via"),
    ...raw(request, "record-route"),
    ...raw(request, "from").slice(0, 1),
    /;\s*tag=/.test(valueOf(to)) ? to : `${to};tag=${tag}`,
    ...raw(request, "call-id").slice(0, 1),
    ...raw(request, "cseq").slice(0, 1),
  ]);
}
