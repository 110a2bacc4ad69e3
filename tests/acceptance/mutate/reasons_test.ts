import assert from "node:assert/strict";
import type { Leak } from "./leaks.ts";
import { type Reason, reasonOf, whereAllowed } from "./reasons.ts";

const BODY = "v=0\r\nc=IN IP4 10.20.0.1\r\nm=audio 40000 RTP/AVP 0\r\n";
const C: Leak = { kind: "c=", line: "c=IN IP4 10.20.0.1" };
const VIDEO: Leak = { kind: "m= port", line: "m=video 40002 RTP/AVP 34" };

function message(
  body: string,
  { type = "application/sdp", callId = "a", length = 0 } = {},
): string {
  return `SIP/2.0 200 OK\r\nCall-ID: ${callId}\r\nContent-Type: ${type}\r\n` +
    `Content-Length: ${length || body.length}\r\n\r\n${body}`;
}

const cases: readonly { readonly text: string; readonly leak?: Leak; readonly is: Reason }[] = [
  { text: message(BODY), is: "no reason seen" },
  { text: message(BODY, { type: "Application/SDP; x=y" }), is: "no reason seen" },
  { text: message(BODY, { type: "multipart/mixed;boundary=a" }), is: "multipart body" },
  {
    text: message(BODY, { type: "text/plain" }),
    is: "Content-Type other than application/sdp",
  },
  { text: message(BODY, { length: 3 }), is: "Content-Length wrong" },
  { text: message(BODY, { callId: "a".repeat(49) }), is: "Call-ID over 48 bytes" },
  { text: message(BODY + "a".repeat(900)), is: "SDP over 900 bytes" },
  { text: message(BODY.replace("10.20.0.1", "host")), is: "no plain IPv4 in a c=" },
  { text: message(BODY.replace("10.20.0.1", "10.20.0.1/127")), is: "no plain IPv4 in a c=" },
  { text: message(BODY), leak: VIDEO, is: "stream other than audio" },
  { text: message(BODY.replace("c=", "x=")), is: "no c=" },
  { text: message(BODY + BODY.slice(5)), is: "several m=audio" },
  { text: message(`${BODY}${C.line}\r\n`), is: "several c=" },
];

for (const { text, leak = C, is } of cases) {
  Deno.test(`reasonOf() is "${is}" for ${JSON.stringify(text.slice(-60))}`, () => {
    assert.equal(reasonOf(leak, text), is);
  });
}

Deno.test("whereAllowed() names a document for o= and a=rtcp, and none for c= and m=", () => {
  const reason = "no reason seen";
  assert.ok(whereAllowed("offer", { kind: "o=", line: "" }, reason));
  assert.ok(whereAllowed("answer", { kind: "a=rtcp", line: "" }, reason));
  assert.equal(whereAllowed("offer", C, reason), undefined);
  assert.equal(whereAllowed("answer", VIDEO, "stream other than audio"), undefined);
});
