/**
 * SIP datagrams as text of one character a byte, taken apart without judging them: whatever a
 * mutation has done, the parts put together again are the same bytes.
 */

/** A message in parts. Header lines are whole (name, colon, value, folds), without their last line end. */
export interface Parts {
  readonly start: string;
  readonly headers: readonly string[];
  /** What stands behind each header line. */
  readonly lineEnd: string;
  readonly body: string;
}

const COMPACT: Readonly<Record<string, string>> = {
  c: "content-type",
  f: "from",
  i: "call-id",
  k: "supported",
  l: "content-length",
  m: "contact",
  s: "subject",
  t: "to",
  v: "via",
};

/** Where the body begins, or the end of a text that has no empty line. */
function bodyOffset(text: string): number {
  const blank = /\r?\n\r?\n/.exec(text);
  return blank ? blank.index + blank[0].length : text.length;
}

/** Takes a message apart; a text without line ends is all start line. */
export function split(text: string): Parts {
  const offset = bodyOffset(text);
  const lines = text.slice(0, offset).replace(/(\r?\n)+$/, "").split(/\r?\n(?![ \t])/);
  const [start = "", ...headers] = lines;
  return { start, headers, lineEnd: "\r\n", body: text.slice(offset) };
}

/** The bytes of a message. */
export function join({ start, headers, lineEnd, body }: Parts): string {
  return [start, ...headers, "", body].join(lineEnd);
}

/** The long name of a header line in lower case, or "" if it has no colon. */
export function nameOf(header: string): string {
  const colon = header.indexOf(":");
  if (colon < 0) return "";
  const name = header.slice(0, colon).trim().toLowerCase();
  return COMPACT[name] ?? name;
}

/** What stands behind the colon, without the space around it. */
export function valueOf(header: string): string {
  return header.slice(header.indexOf(":") + 1).trim();
}

/** All values of the headers of a name (long, lower case), in their order. */
export function values(parts: Parts, name: string): readonly string[] {
  return parts.headers.filter((header) => nameOf(header) === name).map(valueOf);
}

/** The first value of a header, or "". */
export function value(parts: Parts, name: string): string {
  return values(parts, name)[0] ?? "";
}

/** The message with a Content-Length, if it has one, that tells the truth. */
export function withTrueLength(parts: Parts): Parts {
  const headers = parts.headers.map((header) =>
    nameOf(header) === "content-length"
      ? `${header.slice(0, header.indexOf(":"))}: ${parts.body.length}`
      : header
  );
  return { ...parts, headers };
}

/** The code of a response, or 0 for a request. */
export function statusOf(parts: Parts): number {
  return Number(/^SIP\/2\.0 (\d{3})/.exec(parts.start)?.[1] ?? 0);
}

/** The method of a request, or "" for a response. */
export function methodOf(parts: Parts): string {
  return /^([A-Z]+) /.exec(parts.start)?.[1] ?? "";
}

/** The bytes of a text of one character a byte. */
export function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The text of bytes, one character a byte: TextDecoder's "latin1" would not keep 0x80 to 0x9f. */
export function toText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

const ADDRESS =
  /^("[^"\\]*"|[\w.\- ]*) ?<sips?:[\w.+\-]+@[\w.\-:]+(;[\w.+\-]+(=[\w.+\-]+)?)*>(;[\w\-]+=[\w.\-]+)*$/;
const SHAPES: Readonly<Record<string, RegExp>> = {
  from: ADDRESS,
  to: ADDRESS,
  "call-id": /^[\w.@\-]+$/,
  cseq: /^\d{1,9} (INVITE|BYE)$/,
};

/**
 * True for a message that any SIP parser takes: the rig asks for an answer to no other. Rather
 * too narrow than too wide: what it refuses may be right all the same.
 */
export function isPlainSip(text: string): boolean {
  const parts = split(text);
  const head = text.slice(0, text.length - parts.body.length);
  const isClean = /^[\x20-\x7e\t\r\n]*$/.test(head) && !/\r(?!\n)|(?<!\r)\n/.test(head) &&
    head.endsWith("\r\n\r\n");
  const areHeaders = parts.headers.every((header) => /^[A-Za-z\-]+[ \t]*:/.test(header));
  const haveShapes = Object.entries(SHAPES).every(([name, shape]) => {
    const found = values(parts, name);
    return found.length === 1 && shape.test(found[0] ?? "");
  });
  return isClean && areHeaders && haveShapes && hasPlainVias(parts) && hasPlainNumbers(parts);
}

function hasPlainVias(parts: Parts): boolean {
  const vias = values(parts, "via");
  const shape = /^SIP\/2\.0\/UDP [\d.]+(:\d{1,5})?(;[\w\-]+(=[\w.\-]+)?)*$/;
  return vias.length > 0 && vias.every((via) => shape.test(via)) &&
    /;branch=z9hG4bK[\w.\-]+/.test(vias[0] ?? "");
}

function hasPlainNumbers(parts: Parts): boolean {
  const forwards = values(parts, "max-forwards");
  const lengths = values(parts, "content-length");
  return forwards.length <= 1 && forwards.every((text) => /^[1-9]\d?$/.test(text)) &&
    lengths.length <= 1 && lengths.every((text) => text === String(parts.body.length));
}
