import { type Endpoint, formatEndpoint, formatIpv4, parseIpv4 } from "../base/ipv4.ts";
import { detached } from "../base/latin1.ts";
import { parsePort } from "../core/call.ts";
import { type Latch, OPEN_LATCH, type Session } from "../core/session.ts";

/*
 * A session's record is the comment of its element in `sessions`: readable with plain nft, and all
 * that another daemon needs to take the session over. The relay sockets are in the element's key.
 *
 *     a=10.10.1.10:6000 b=192.0.2.20:7000 heard=6000,6001,0,0 since=1700000000000 in=default call=x@y
 *
 * `heard` has the locked source ports of the flows a.rtp, a.rtcp, b.rtp, b.rtcp; 0 for none. A `+`
 * behind one says that another port may take over, `-` that moreover nothing is sent to it.
 */

/** The longest comment that element userdata holds, its NUL left out (NFT_USERDATA_MAXLEN). */
const MAX_RECORD = 250;
const WIDEST_HEARD = "65535-,65535-,65535-,65535-";

/** Whether the record of a session fits the kernel, whatever ports will be learned. */
export function fitsRecord(session: Session): boolean {
  const heard = session.latches.map(latchText).join(",");
  return recordText(session).length - heard.length + WIDEST_HEARD.length <= MAX_RECORD;
}

/** The record of a session. */
export function recordText({ a, b, latches, createdMs, instance, callId }: Session): string {
  const parties = `a=${formatEndpoint(a.remote)} b=${formatEndpoint(b.remote)}`;
  const heard = latches.map(latchText).join(",");
  return `${parties} heard=${heard} since=${createdMs} in=${instance} call=${escapeText(callId)}`;
}

function latchText({ locked, open, sendTo }: Latch): string {
  return locked === 0 ? "0" : `${locked}${open ? sendTo === 0 ? "-" : "+" : ""}`;
}

function parseLatch(text: string): Latch | null {
  const match = /^(\d{1,5})([+-]?)$/.exec(text);
  const locked = Number(match?.[1]);
  if (!match || locked > 65535) return null;
  if (locked === 0) return OPEN_LATCH;
  return { locked, open: match[2] !== "", sendTo: match[2] === "-" ? 0 : locked };
}

/** The session that a record and its key describe; null if they make no sense. */
export function parseRecord(record: string, key: readonly number[]): Session | null {
  const match = /^a=(\S+) b=(\S+) heard=(\S+) since=(\d{1,16}) in=(\S+) call=(\S+)$/.exec(record);
  const [bAddress, bPort, aAddress, aPort] = key;
  if (!match || key.length !== 5) return null;
  const [, aText = "", bText = "", heard = "", since, instance = "", call = ""] = match;
  const a = parseEndpoint(aText);
  const b = parseEndpoint(bText);
  const [l0, l1, l2, l3, ...more] = heard.split(",").map(parseLatch);
  if (!a || !b || !l0 || !l1 || !l2 || !l3 || more.length > 0) return null;
  const legA = { remote: a, local: { address: aAddress ?? 0, port: (aPort ?? 0) >>> 16 } };
  const legB = { remote: b, local: { address: bAddress ?? 0, port: (bPort ?? 0) >>> 16 } };
  const callId = detached(unescapeText(call));
  const createdMs = Number(since);
  return { instance, callId, createdMs, a: legA, b: legB, latches: [l0, l1, l2, l3] };
}

/** Tells records of different Call-IDs on the same relay sockets apart (FNV-1a). */
export function hashCallId(callId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < callId.length; i++) {
    hash = Math.imul(hash ^ callId.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

function parseEndpoint(text: string): Endpoint | null {
  const [ip = "", portText = "", ...rest] = text.split(":");
  const address = parseIpv4(ip);
  const port = parsePort(portText);
  if (!address.ok || port === null || rest.length > 0) return null;
  return formatIpv4(address.value) === ip ? { address: address.value, port } : null;
}

/** Everything that nft or a terminal might trip over becomes %XX. */
function escapeText(text: string): string {
  return text.replace(/[^!#$&-[\]-~]/g, (character) => {
    return `%${(character.charCodeAt(0) & 255).toString(16).padStart(2, "0")}`;
  });
}

function unescapeText(text: string): string {
  return text.replace(/%([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}
