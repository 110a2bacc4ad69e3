/** Mutators of the body: SDP, alone or among other parts. They leave the headers as they are. */
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
  NUMBERS,
  repeatOne,
  replaceByte,
  replaceNumber,
  swapTwo,
  truncate,
} from "./text_damage.ts";

/** Lengths in bytes about those that the module's buffers and kamailio.cfg's guard have. */
const BODY_LENGTHS = [890, 899, 900, 901, 905, 960, 1000, 1015, 1023, 1024, 1025, 1100, 1400, 2000];

/** What may stand behind c=. */
const CONNECTIONS = [
  "IN IP4 224.2.1.1/127",
  "IN IP4 224.2.1.1/127/3",
  "IN IP4 10.20.0.1/127",
  "IN IP6 2001:db8::20",
  "IN IP6 ::ffff:10.20.0.1",
  "IN IP6 2001:0db8:0000:0000:0000:0000:0000:0020",
  "IN IP4 phone.example",
  "IN IP4 a-rather-long-host-name.in.some-domain.example",
  "IN IP4 1234567890123456",
  "IN IP4 010.020.000.00001",
  "IN IP4 10.20.0.1.10.20.0.1",
  "IN IP4 255.255.255.255",
  "IN IP4 127.0.0.1",
  "IN IP4 0.0.0.0",
  "IN IP4 10.10.1.1",
  "IN IP4 192.0.2.1",
  "IN IP4 10.20.0.999",
  "IN IP4 10.20.0.1 10.20.0.2",
  "IN IP4  10.20.0.1",
  "IN\tIP4\t10.20.0.1",
  "in ip4 10.20.0.1",
  "IN IP4 ",
  "IN IP4",
  "IN",
  "",
  "ATM NSAP 47.0091.8100.0000.0060.3e64.fd01.0060.3e64.fd01.00",
];

const MEDIA = [
  "audio 0 RTP/AVP 0",
  "audio 1 RTP/AVP 0",
  "audio 40000/2 RTP/AVP 0",
  "audio 40000/ RTP/AVP 0",
  "audio 65535 RTP/AVP 0",
  "audio 70000 RTP/AVP 0",
  "audio -1 RTP/AVP 0",
  "audio 40000 RTP/SAVP 0 8",
  "audio 40000 UDP/TLS/RTP/SAVPF 111",
  "audio 40000 RTP/SAVPF 0",
  "audio 40000 TCP/RTP/AVP 0",
  "audio 40000 rtp/avp 0",
  "audio 40000",
  "audio",
  "audio  40000  RTP/AVP  0",
  "AUDIO 40000 RTP/AVP 0",
  "video 40000 RTP/AVP 34",
  "image 40000 udptl t38",
  "image 40000 TCP t38",
  "application 40000 UDP/BFCP *",
  "application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "message 40000 TCP/MSRP *",
  "text 40000 RTP/AVP 98",
  "x 40000 x x",
  "",
];

/** Lines with their ends. */
function linesOf(body: string): readonly string[] {
  return body.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function endOf(line: string): string {
  return /\r?\n$/.exec(line)?.[0] ?? "";
}

function withoutEnd(line: string): string {
  return line.slice(0, line.length - endOf(line).length);
}

type Change = (text: string, dice: Dice) => string;

/** A mutator that works on the lines of the body. */
function onLines(
  change: (lines: readonly string[], dice: Dice) => readonly string[],
): Mutator {
  return (parts, dice) => ({ ...parts, body: change(linesOf(parts.body), dice).join("") });
}

/** A mutator of one line, without its end. */
function onLine(change: Change): Mutator {
  return onLines((lines, dice) =>
    changeOne(lines, dice, (line) => change(withoutEnd(line), dice) + endOf(line))
  );
}

/** A mutator of what stands behind the = of one line. */
function onValue(change: Change): Mutator {
  return onLine((line, dice) => line.slice(0, 2) + change(line.slice(2), dice));
}

/** A mutator of the value of one line of a kind, "c=" for example. */
function onKind(kind: string, change: Change): Mutator {
  return onLines((lines, dice) => {
    const places = lines.flatMap((line, i) => line.startsWith(kind) ? [i] : []);
    if (places.length === 0) return lines;
    const place = dice.pick(places);
    return lines.map((line, i) =>
      i === place ? kind + change(withoutEnd(line).slice(kind.length), dice) + endOf(line) : line
    );
  });
}

/** Attributes in another order, each within its stream. */
function shuffleAttributes(lines: readonly string[], dice: Dice): readonly string[] {
  const places = lines.flatMap((line, i) => line.startsWith("a=") ? [i] : []);
  const result = [...lines];
  for (const place of places) {
    const other = dice.pick(places);
    [result[place], result[other]] = [result[other] ?? "", result[place] ?? ""];
  }
  return result;
}

/** A filler attribute before the end, so that the body has one of BODY_LENGTHS. */
function fillUp(body: string, dice: Dice): string {
  const missing = dice.pick(BODY_LENGTHS) - body.length;
  const name = "a=x-filler:";
  return missing < name.length + 2
    ? body
    : `${body}${name}${"0".repeat(missing - name.length - 2)}\r\n`;
}

function duplicateStream(body: string, dice: Dice): string {
  const at = body.search(/^m=/m);
  return at < 0 ? body : body + body.slice(at).repeat(dice.pick([1, 1, 2, 5]));
}

/** Hold: in the new way, in the old way, or both. */
function hold(body: string, dice: Dice): string {
  const way = dice.roll(3);
  const inactive = way === 0 ? body : `${body.replaceAll(/^a=(sendrecv|sendonly)\r?\n/gm, "")}` +
    dice.pick(["a=inactive\r\n", "a=sendonly\r\n", "a=recvonly\r\n"]);
  return way === 1 ? inactive : inactive.replaceAll(/^c=IN IP4 \S+/gm, "c=IN IP4 0.0.0.0");
}

/** SDP wrapped into a multipart body, by a Content-Type that says so. */
function wrap(parts: Parts, dice: Dice): Parts {
  const boundary = dice.pick(["b1", "b".repeat(70), "=_x y"]);
  const type = `multipart/${dice.pick(["mixed", "alternative", "related"])};boundary="${boundary}"`;
  const headers = parts.headers.map((header) =>
    nameOf(header) === "content-type" ? `Content-Type: ${type}` : header
  );
  const inner = parts.headers.filter((header) => nameOf(header) === "content-type").map(valueOf);
  const body = `--${boundary}\r\nContent-Type: ${inner[0] ?? "application/sdp"}\r\n\r\n` +
    `${parts.body}\r\n--${boundary}${dice.pick(["--\r\n", "--", ""])}`;
  return parts.body === "" ? parts : { ...parts, headers, body };
}

function onBody(change: Change): Mutator {
  return (parts, dice) => parts.body === "" ? parts : { ...parts, body: change(parts.body, dice) };
}

function changeLineEnds(body: string, dice: Dice): string {
  switch (dice.roll(5)) {
    case 0:
      return body.replaceAll(/\r?\n/g, dice.pick(["\r", "\n\r", "\r\r\n", "\x00\r\n"]));
    case 1:
      return body.includes("\r\n") ? body.replaceAll("\r\n", "\n") : body.replaceAll("\n", "\r\n");
    case 2:
      return body.replace(/(\r?\n)+$/, "");
    case 3:
      return `${body}\r\n\r\n`;
    default: {
      let n = 0;
      return body.replaceAll(/\r?\n/g, () => n++ % 2 === 0 ? "\n" : "\r\n");
    }
  }
}

export const BODY_MUTATORS: Readonly<Record<string, Mutator>> = {
  "sdp: bit flipped": onValue(flipBit),
  "sdp: byte replaced": onValue(replaceByte),
  "sdp: bit flipped anywhere": onBody(flipBit),
  "sdp: line deleted": onLines(deleteOne),
  "sdp: line repeated": onLines(repeatOne),
  "sdp: lines swapped": onLines(swapTwo),
  "sdp: line truncated": onLine(truncate),
  "sdp: body truncated": onBody(truncate),
  "sdp: number out of range": onLine(replaceNumber),
  "sdp: c= other": onKind("c=", (_, dice) => dice.pick(CONNECTIONS)),
  "sdp: c= number": onKind("c=", replaceNumber),
  "sdp: c= bit flipped": onKind("c=", flipBit),
  "sdp: c= white space": onKind("c=", addSpace),
  "sdp: c= truncated": onKind("c=", truncate),
  "sdp: c= twice": onKind("c=", (text, dice) => `${text}\r\nc=${dice.pick(CONNECTIONS)}`),
  "sdp: m= other": onKind("m=", (_, dice) => dice.pick(MEDIA)),
  "sdp: m= port": onKind("m=", (text, dice) => text.replace(/ \d*/, ` ${dice.pick(NUMBERS)}`)),
  "sdp: m= bit flipped": onKind("m=", flipBit),
  "sdp: m= stream added": onKind("m=", (text, dice) => `${text}\r\nm=${dice.pick(MEDIA)}`),
  "sdp: o= damaged": onKind("o=", replaceNumber),
  "sdp: streams repeated": onBody(duplicateStream),
  "sdp: length": onBody(fillUp),
  "sdp: case": onLine(changeCase),
  "sdp: white space": onLine(addSpace),
  "sdp: empty value": onValue(() => ""),
  "sdp: odd byte": onLine(addOddByte),
  "sdp: line ends": onBody(changeLineEnds),
  "sdp: attributes shuffled": onLines(shuffleAttributes),
  "sdp: hold": onBody(hold),
  "sdp: none": onBody(() => ""),
  "sdp: wrapped in multipart": wrap,
  "sdp: bytes behind it": onBody((body, dice) => body + "\x00\xff".repeat(1 + dice.roll(20))),
};
