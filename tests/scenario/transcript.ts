/*
 * Transcripts: what Kamailio and the parties do, one event a line, and what must come of it.
 *
 *     # Words behind a # are for the reader.
 *     ask "S 10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60 call-1 " OK
 *     ask "G" 20000 30000 20004 10.10.1.1 192.0.2.1
 *     raw "no request at all" silence
 *     send 10.10.1.10:6000 -> 10.10.1.1:20002 : 192.0.2.1:20000 -> 192.0.2.20:7000
 *     talk 5s
 *       10.10.1.10:6000 -> 10.10.1.1:20002 : relayed
 *       10.10.1.66:6000 -> 10.10.1.1:20002 : dropped
 *     wait 61s
 *     sessions call-1 stale, call-2 active
 *     events stale call-1
 *     restart
 *     damage
 *
 * `ask` puts a fresh cookie in front of the request; `raw` sends the bytes as they are; \xNN is a
 * byte. `send` is one RTP packet; `talk` is one every 20 ms of each stream. `events` are those since
 * the last such line. `restart` puts a new daemon in the place of a killed one, and `damage` deletes
 * everything in the kernel.
 */

/** One line of a transcript, understood. */
export type Step =
  & { readonly line: number }
  & (
    | { readonly kind: "ask" | "raw"; readonly request: Uint8Array; readonly reply: string }
    | { readonly kind: "send"; readonly stream: Stream }
    | { readonly kind: "talk"; readonly seconds: number; readonly streams: readonly Stream[] }
    | { readonly kind: "wait"; readonly seconds: number }
    | { readonly kind: "sessions" | "events"; readonly expected: string }
    | { readonly kind: "restart" | "damage" }
  );

/** Packets from somebody to a relay socket. */
export interface Stream {
  readonly from: string;
  readonly to: string;
  /** `dropped`, `relayed`, or `SOURCE > DESTINATION`. */
  readonly outcome: string;
}

const ENDPOINT = String.raw`\d+\.\d+\.\d+\.\d+:\d+`;
const STREAM = new RegExp(
  `^(${ENDPOINT}) -> (${ENDPOINT}) : (dropped|relayed|(${ENDPOINT}) -> (${ENDPOINT}))$`,
);

/** Parse a transcript. Throws with the number of a line that makes no sense. */
export function parseTranscript(text: string): readonly Step[] {
  const steps: Step[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length;) {
    const line = withoutComment(lines[at] ?? "");
    let next = at + 1;
    while (/^ /.test(lines[next] ?? "")) next++;
    const block = lines.slice(at + 1, next).map(withoutComment).filter((each) => each !== "");
    const step = line === "" ? null : parseStep(line, block);
    if (line !== "" && step === null) throw new Error(`Line ${at + 1} makes no sense: ${line}`);
    if (step) steps.push({ ...step, line: at + 1 } as Step);
    at = next;
  }
  return steps;
}

type BareStep = Step extends infer S ? S extends Step ? Omit<S, "line"> : never : never;

function parseStep(line: string, block: readonly string[]): BareStep | null {
  const [, kind = "", rest = ""] = /^(\w+) ?(.*)$/.exec(line) ?? [];
  switch (kind) {
    case "ask":
    case "raw": {
      const [, request, reply] = /^"(.*)" (.+)$/.exec(rest) ?? [];
      return request === undefined || reply === undefined
        ? null
        : { kind, request: bytesOf(request), reply };
    }
    case "send": {
      const stream = parseStream(rest);
      return stream && { kind, stream };
    }
    case "talk": {
      const streams = block.map(parseStream);
      const seconds = parseSeconds(rest);
      if (seconds === null || streams.length === 0 || streams.includes(null)) return null;
      return { kind, seconds, streams: streams.filter((stream) => stream !== null) };
    }
    case "wait": {
      const seconds = parseSeconds(rest);
      return seconds === null ? null : { kind, seconds };
    }
    case "sessions":
    case "events":
      return { kind, expected: rest };
    case "restart":
    case "damage":
      return rest === "" ? { kind } : null;
    default:
      return null;
  }
}

function parseStream(text: string): Stream | null {
  const [, from, to, outcome, source, destination] = STREAM.exec(text.trim()) ?? [];
  if (from === undefined || to === undefined || outcome === undefined) return null;
  return { from, to, outcome: source ? `${source} > ${destination}` : outcome };
}

function parseSeconds(text: string): number | null {
  const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(text) ?? [];
  return seconds === undefined ? null : Number(seconds);
}

/** A request may hold a #. */
function withoutComment(line: string): string {
  return line.replace(/^((?:[^"#]|"[^"]*")*)#.*$/, "$1").trimEnd();
}

function bytesOf(text: string): Uint8Array {
  const plain = text.replace(
    /\\x([0-9a-f]{2})/g,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}
