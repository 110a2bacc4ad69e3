import assert from "node:assert/strict";
import { DEVICES } from "./devices.ts";
import { planDialog } from "./dialogs.ts";
import { isPlainSip, join, split, toBytes, toText, value, values } from "./message.ts";

const INVITE = "INVITE sip:m1@192.0.2.20 SIP/2.0\r\n" +
  "v: SIP/2.0/UDP 10.10.1.10:5060;branch=z9hG4bKa\r\n" +
  "From: <sip:a@10.10.1.10>;tag=1\r\nTo: <sip:m1@192.0.2.20>\r\nCall-ID: m1-1\r\n" +
  "CSeq: 1 INVITE\r\nAllow: INVITE,\r\n ACK\r\nContent-Length: 5\r\n\r\nv=0\r\n";

const texts: readonly string[] = [
  INVITE,
  INVITE.slice(0, 90),
  "",
  "INVITE",
  "SIP/2.0 200 OK\r\n\r\n",
];

for (const text of texts) {
  const shown = JSON.stringify(text.slice(0, 20));
  Deno.test(`split() and join() keep what ${shown} (${text.length}) says`, () => {
    const parts = split(text);
    assert.deepEqual(split(join(parts)), parts);
  });
}

Deno.test("split() keeps folds, and knows compact names", () => {
  const parts = split(INVITE);
  assert.equal(value(parts, "allow"), "INVITE,\r\n ACK");
  assert.deepEqual(values(parts, "via"), ["SIP/2.0/UDP 10.10.1.10:5060;branch=z9hG4bKa"]);
  assert.equal(parts.body, "v=0\r\n");
  assert.equal(join(parts), INVITE);
});

Deno.test("toText() and toBytes() keep every byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(toBytes(toText(bytes)), bytes);
});

const plain: readonly { readonly what: string; readonly text: string; readonly is: boolean }[] = [
  { what: "a sound INVITE", text: INVITE, is: true },
  { what: "no From", text: INVITE.replace(/From.*\r\n/, ""), is: false },
  { what: "two Call-IDs", text: INVITE.replace("CSeq", "i: b\r\nCSeq"), is: false },
  { what: "a CSeq of another method", text: INVITE.replace("1 INVITE", "1 ACK"), is: false },
  { what: "a wrong Content-Length", text: INVITE.replace("h: 5", "h: 6"), is: false },
  { what: "bare line feeds", text: INVITE.replaceAll("\r\n", "\n"), is: false },
  { what: "an odd byte in a header", text: INVITE.replace("Allow: ", "Allow: \xff"), is: false },
  { what: "an odd byte in the body", text: INVITE.replace("v=0", "v=\xff"), is: true },
  { what: "no branch", text: INVITE.replace(";branch=z9hG4bKa", ""), is: false },
  { what: "no end of the headers", text: INVITE.slice(0, INVITE.length - 7), is: false },
];

for (const { what, text, is } of plain) {
  Deno.test(`isPlainSip() is ${is} for ${what}`, () => assert.equal(isPlainSip(text), is));
}

Deno.test("isPlainSip() is true for the sound INVITEs of most devices", () => {
  const found = new Set<string>();
  for (let index = 0; index < 500; index++) {
    const { device, damage, invite } = planDialog(1, index);
    if (damage.invite.length === 0 && isPlainSip(invite)) found.add(device.name);
  }
  assert.ok(found.size >= 10, `${found.size} of ${DEVICES.length}: ${[...found].join(" ")}`);
});
