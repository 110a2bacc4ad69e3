import { latin1 } from "../base/latin1.ts";
import type { CallFields } from "../core/call.ts";

/** How requests come: UDP ones begin with a cookie, those on a UNIX stream do not. */
export type Framing = "cookie" | "bare";

/** What a peer asks. Text is one character a byte, so that nothing is lost in it. */
export type Request =
  | { readonly verb: "P" | "G"; readonly cookie: string }
  | { readonly verb: "S" | "D"; readonly cookie: string; readonly fields: CallFields }
  /** Kamailio waits for an answer to this, though it makes no sense. */
  | { readonly verb: "bad"; readonly cookie: string }
  /** No request at all, or a reply that has gone astray: answering it could make a loop. */
  | { readonly verb: "none" };

/** The cookie of who cannot read a reply: a script that sends by other means than the module's. */
export const NO_REPLY = "-";

/** Kamailio reads replies of at most 255 bytes, two of which are the `OK`. */
export const MAX_REQUEST = 253;

const NONE: Request = { verb: "none" };

/** Parse one request. Wrong bytes from the network are expected: any input has an answer. */
export function parseRequest(bytes: Uint8Array, framing: Framing): Request {
  if (bytes.length === 0 || bytes.length > MAX_REQUEST) return NONE;
  const text = latin1(bytes);
  if (framing === "bare") return parseBody(text, "");
  const space = text.indexOf(" ");
  if (space < 1 || !isCookie(text, space)) return NONE;
  return parseBody(text.slice(space + 1), text.slice(0, space));
}

function parseBody(body: string, cookie: string): Request {
  const verb = body.slice(0, 1);
  // A person's netcat ends its line.
  if (verb === "P" || verb === "G") return /^.[\r\n]*$/.test(body) ? { verb, cookie } : NONE;
  if (!/^[A-Z]( |$)/.test(body) || isReply(body)) return NONE;
  if (verb !== "S" && verb !== "D") return { verb: "bad", cookie };
  // A lone space separates, so an empty field stays visible instead of shifting the rest.
  const [
    ,
    srcIp,
    dstIp,
    snatIp,
    dnatIp,
    srcPort,
    dstPort,
    snatPort,
    dnatPort,
    ,
    callId,
    end,
    extra,
  ] = body
    .split(" ");
  if (
    end !== "" || extra !== undefined || srcIp === undefined || dstIp === undefined ||
    snatIp === undefined || dnatIp === undefined ||
    srcPort === undefined || dstPort === undefined || snatPort === undefined ||
    dnatPort === undefined || callId === undefined
  ) return { verb: "bad", cookie };
  const fields = { srcIp, dstIp, snatIp, dnatIp, srcPort, dstPort, snatPort, dnatPort, callId };
  return { verb, cookie, fields };
}

/** An echo of ours ends with a verdict instead of a space. */
function isReply(body: string): boolean {
  return body.endsWith(" OK") || body.endsWith(" ER");
}

/** Cookies are opaque, but they are made of visible characters. */
function isCookie(text: string, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x21 || code > 0x7e) return false;
  }
  return length <= 64;
}
