import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeEntry,
  fieldName,
  isJournalStream,
  type JournalEntry,
  JournalWriter,
  LineStream,
  openOutlet,
} from "./journald.ts";

const decoder = new TextDecoder();

/** Read a datagram as journald does. */
function parse(datagram: Uint8Array): readonly (readonly [name: string, value: string])[] {
  const fields: [string, string][] = [];
  for (let at = 0; at < datagram.length;) {
    const end = datagram.indexOf(10, at);
    const line = decoder.decode(datagram.subarray(at, end));
    const equals = line.indexOf("=");
    if (equals >= 0) {
      fields.push([line.slice(0, equals), line.slice(equals + 1)]);
      at = end + 1;
      continue;
    }
    const length = Number(new DataView(datagram.buffer, end + 1).getBigUint64(0, true));
    const value = datagram.subarray(end + 9, end + 9 + length);
    assert.equal(datagram[end + 9 + length], 10);
    fields.push([line, decoder.decode(value)]);
    at = end + 10 + length;
  }
  return fields;
}

function entry(fields: JournalEntry["fields"], message = "Session ended"): JournalEntry {
  return { priority: 6, message, fields };
}

Deno.test("encodeEntry() names what the journal is asked for", () => {
  const fields = { call: "1a@phone", reason: "silent", callerPackets: 7, suppressed: undefined };
  assert.equal(
    decoder.decode(encodeEntry(entry({ ...fields, none: null }))),
    "MESSAGE=Session ended\nPRIORITY=6\nSYSLOG_IDENTIFIER=lrkproxy\n" +
      "CALL_ID=1a@phone\nREASON=silent\nCALLER_PACKETS=7\n",
  );
});

Deno.test("encodeEntry() makes one field of each value, whatever it holds", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("\nPRIORITY=0", "a\n\0\x01", "x\nMESSAGE\n\x02\0\0\0\0\0\0\0no\n", "=", ""),
  );
  fc.assert(fc.property(hostile, hostile, hostile, (call, reason, message) => {
    assert.deepEqual(parse(encodeEntry(entry({ call, reason }, message))), [
      ["MESSAGE", message],
      ["PRIORITY", "6"],
      ["SYSLOG_IDENTIFIER", "lrkproxy"],
      ["CALL_ID", call],
      ["REASON", reason],
    ]);
  }));
});

Deno.test("fieldName() makes names that the journal takes", () => {
  const names = [
    ["call", "CALL_ID"],
    ["peer", "PEER"],
    ["durationSeconds", "DURATION_SECONDS"],
    ["_pid", "PID"],
    ["9to5", "TO5"],
    ["a-b c", "A_B_C"],
    ["x".repeat(80), "X".repeat(64)],
  ] as const;
  for (const [name, expected] of names) assert.equal(fieldName(name), expected);
});

Deno.test("JournalWriter counts what a full journal does not take, and tells of it later", () => {
  const answers: ("sent" | "full" | "unusable")[] = [];
  const sent: string[] = [];
  const writer = new JournalWriter({
    send(datagram) {
      const answer = answers.shift() ?? "sent";
      if (answer === "sent") sent.push(parse(datagram)[0]?.[1] ?? "");
      return answer;
    },
  });
  answers.push("full", "full");
  const isTaken = ["one", "two"].map((message) => writer.write(entry({}, message)));
  assert.deepEqual(isTaken, [true, true], "there is nowhere else that would not stall");
  // The second attempt was to tell of the first.
  assert.deepEqual(sent.splice(0), ["two"]);
  answers.push("sent");
  writer.write(entry({}, "three"));
  assert.deepEqual(sent, ["Log lines lost: the journal had no room lost=1", "three"]);
  answers.push("unusable");
  assert.equal(writer.write(entry({}, "too large")), false);
});

Deno.test("LineStream begins no line that another one is in the way of, and tells how many", () => {
  let room = 0;
  let text = "";
  const stream = new LineStream((bytes) => {
    const taken = bytes.subarray(0, room);
    text += decoder.decode(taken);
    room -= taken.length;
    return taken.length === 0 ? -1 : taken.length;
  });
  stream.write("<6>lost\n");
  room = 55;
  stream.write("<6>first\n");
  stream.write("<6>lost, too\n");
  room = 1000;
  stream.write("<6>second\n");
  stream.write("<6>third\n");
  const gap = "<4>Log lines lost: the journal had no room lost=1\n";
  assert.equal(text, `${gap}<6>first\n${gap}<6>second\n<6>third\n`);
});

Deno.test("openOutlet() says that nobody is there, and sends when somebody is", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  using outlet = openOutlet(path);
  try {
    assert.equal(outlet.send(encodeEntry(entry({}))), "unusable");
    const socket = Deno.listenDatagram({ transport: "unixpacket", path });
    assert.equal(outlet.send(encodeEntry(entry({ call: "a\nb" }))), "sent");
    const [datagram] = await socket.receive();
    assert.deepEqual(parse(datagram.slice()).at(-1), ["CALL_ID", "a\nb"]);
    assert.equal(outlet.send(new Uint8Array(10_000_000)), "unusable", "too large");
    let outcome: string;
    do outcome = outlet.send(new Uint8Array(1000)); while (outcome === "sent");
    assert.equal(outcome, "full", "it does not wait for the reader");
    socket.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("isJournalStream() believes the variable only if it names the very descriptor", async () => {
  const file = await Deno.makeTempFile();
  try {
    const { dev, ino } = await Deno.stat(file);
    for (const wrong of [undefined, "", `${dev}`, `${dev}:${ino}`, "8:1"]) {
      assert.equal(isJournalStream(2, wrong), false, wrong);
    }
    assert.equal(isJournalStream(-1, "8:1"), false);
  } finally {
    await Deno.remove(file);
  }
});
