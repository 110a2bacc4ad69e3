/** Mutators of the headers. The start line stays: by it the callee knows which dialog it is. */
import type { Dice } from "../../fuzz/mutate.ts";
import { nameOf, type Parts, valueOf } from "./message.ts";
import type { Mutator } from "./mutators.ts";
import {
  addOddByte,
  addSpace,
  changeCase,
  changeOne,
  deleteOne,
  flipBit,
  repeatOne,
  replaceByte,
  replaceNumber,
  splice,
  swapTwo,
  truncate,
} from "./text_damage.ts";

/** Lengths in bytes about the module's buffer for a Call-ID and the relay's longest. */
const CALL_ID_LENGTHS = [
  1,
  46,
  47,
  48,
  49,
  50,
  51,
  63,
  64,
  65,
  119,
  120,
  121,
  127,
  128,
  255,
  256,
  1023,
];
const LONG = [64, 128, 256, 500, 1024, 1025, 4000];

const CONTENT_TYPES = [
  "application/SDP",
  "APPLICATION/SDP",
  "application/sdp;charset=utf-8",
  'application/sdp ; x="y;z"',
  "application / sdp",
  "application/sdpx",
  "text/plain",
  "application/isup",
  "multipart/mixed",
  "multipart/mixed;boundary=",
  "multipart/mixed;boundary=nowhere",
  "application/sdp, application/isup",
  "",
  ";",
  "application/",
];

const COMPACT: Readonly<Record<string, string>> = {
  "call-id": "i",
  contact: "m",
  "content-length": "l",
  "content-type": "c",
  from: "f",
  supported: "k",
  to: "t",
  via: "v",
};

type Change = (text: string, dice: Dice) => string;

/** True for what is a header already: a mark that the callee fills in later has no colon. */
function isLine(header: string): boolean {
  return header.includes(":");
}

function onHeaders(
  change: (headers: readonly string[], dice: Dice) => readonly string[],
): Mutator {
  return (parts, dice) => ({ ...parts, headers: change(parts.headers, dice) });
}

/** A mutator of one header, whole. */
function onHeader(change: Change): Mutator {
  return onHeaders((headers, dice) =>
    changeOne(headers, dice, (header) => isLine(header) ? change(header, dice) : header)
  );
}

/** A mutator of what stands behind the colon of one header. */
function onValue(change: Change): Mutator {
  return onHeader((header, dice) => replaceValue(header, change(valueOf(header), dice)));
}

/** A mutator of the value of the headers of a name. */
function onName(name: string, change: Change): Mutator {
  return onHeaders((headers, dice) =>
    headers.map((header) =>
      nameOf(header) === name ? replaceValue(header, change(valueOf(header), dice)) : header
    )
  );
}

function replaceValue(header: string, value: string): string {
  return `${header.slice(0, header.indexOf(":"))}: ${value}`;
}

/** The Call-ID as long as one of CALL_ID_LENGTHS; its beginning says which dialog it is. */
function resize(callId: string, dice: Dice): string {
  return callId.padEnd(1023, "0123456789").slice(0, dice.pick(CALL_ID_LENGTHS));
}

function lengthen(value: string, dice: Dice): string {
  return splice(value, dice.roll(value.length + 1), 0, "x".repeat(dice.pick(LONG)));
}

function fold(value: string, dice: Dice): string {
  const blank = value.indexOf(" ");
  const at = blank < 0 ? 0 : blank;
  return splice(value, at, 0, dice.pick(["\r\n ", "\r\n\t", "\n ", "\r\n \r\n "]));
}

function changeName(header: string, dice: Dice): string {
  const name = header.slice(0, header.indexOf(":"));
  const compact = COMPACT[nameOf(header)];
  const other = dice.pick([
    compact ?? name.toUpperCase(),
    name.toLowerCase(),
    name.toUpperCase(),
    ` ${name}`,
    `${name} \t`,
    `${name}x`,
    "",
  ]);
  return other + header.slice(name.length);
}

/** Many Via or Route headers, or more URIs in one. */
function addHeaders(headers: readonly string[], dice: Dice): readonly string[] {
  const added = dice.pick([
    "Via: SIP/2.0/UDP 10.10.1.77:5060;branch=z9hG4bKx",
    "Route: <sip:10.10.1.1;lr>",
    "Record-Route: <sip:10.10.1.88;lr>, <sip:10.10.1.89;lr>",
    "Contact: <sip:other@10.10.1.10>",
    "Content-Length: 0",
    "Content-Type: text/plain",
    "Content-Encoding: gzip",
    "Require: 100rel, precondition",
    "Max-Forwards: 0",
    "X: ",
    ": x",
    "no colon",
  ]);
  const lines = Array.from({ length: dice.pick([1, 1, 2, 70]) }, () => added);
  const at = dice.roll(headers.length + 1);
  return [...headers.slice(0, at), ...lines, ...headers.slice(at)];
}

const wrongLength: Mutator = (parts: Parts, dice: Dice) => {
  const { length } = parts.body;
  const other = dice.pick([
    String(length + 1),
    String(length + 1000),
    String(Math.max(0, length - 1)),
    String(length >> 1),
    "0",
    "-1",
    "4294967296",
    "99999999999999999999",
    "",
    "abc",
    `${length} ${length}`,
  ]);
  return onName("content-length", () => other)(parts, dice);
};

const lineEnds: Mutator = (parts, dice) => ({
  ...parts,
  lineEnd: dice.pick(["\n", "\n", "\r", "\r\r\n"]),
});

/** The datagram cut off anywhere in its headers: no body, no empty line. */
const cutOff: Mutator = (parts, dice) => ({
  ...parts,
  headers: parts.headers.slice(0, dice.roll(parts.headers.length || 1)),
  body: "",
});

export const HEADER_MUTATORS: Readonly<Record<string, Mutator>> = {
  "header: bit flipped": onValue(flipBit),
  "header: byte replaced": onValue(replaceByte),
  "header: bit flipped anywhere": onHeader(flipBit),
  "header: deleted": onHeaders(deleteOne),
  "header: repeated": onHeaders(repeatOne),
  "header: swapped": onHeaders(swapTwo),
  "header: truncated": onValue(truncate),
  "header: number out of range": onValue(replaceNumber),
  "header: too long": onValue(lengthen),
  "header: case": onHeader(changeCase),
  "header: white space": onValue(addSpace),
  "header: folded": onValue(fold),
  "header: name": onHeader(changeName),
  "header: empty value": onValue(() => ""),
  "header: odd byte": onValue(addOddByte),
  "header: added": onHeaders(addHeaders),
  "header: line ends": lineEnds,
  "header: cut off": cutOff,
  "call-id: length": onName("call-id", resize),
  "call-id: odd byte": onName("call-id", addOddByte),
  "content-type: other": onName("content-type", (_, dice) => dice.pick(CONTENT_TYPES)),
  "content-length: wrong": wrongLength,
  "cseq: number": onName("cseq", replaceNumber),
  "via: bit flipped": onName("via", flipBit),
  "contact: damaged": onName("contact", flipBit),
};
