import assert from "node:assert/strict";
import { audio, destinations, sdp } from "./sdp.ts";
import { formatMessage, header, headers, methodOf, parseMessage, statusOf, uriIn } from "./sip.ts";

const RINGING = [
  "SIP/2.0 180 Ringing",
  "Via: SIP/2.0/UDP 10.10.1.10;branch=z9hG4bK1",
  "record-route: <sip:192.0.2.1;lr>",
  "Record-Route: <sip:10.10.1.1;lr>",
  "CSeq: 1 INVITE",
  "",
  "",
].join("\r\n");

Deno.test("parseMessage() reads what formatMessage() writes, and nothing else", () => {
  const message = parseMessage(RINGING);
  assert.ok(message);
  assert.deepEqual([statusOf(message), methodOf(message)], [180, "INVITE"]);
  assert.deepEqual(headers(message, "Record-Route"), ["<sip:192.0.2.1;lr>", "<sip:10.10.1.1;lr>"]);
  assert.throws(() => header(message, "To"), /No To in: SIP\/2.0 180/);
  const again = parseMessage(formatMessage({ ...message, body: "x" }));
  assert.deepEqual([again?.body, again && header(again, "Content-Length")], ["x", "1"]);
  for (const text of ["", "INVITE\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", RINGING.trimEnd()]) {
    assert.equal(parseMessage(text), null, text);
  }
});

Deno.test("uriIn() takes what is between angle brackets, or all", () => {
  assert.equal(uriIn('"A" <sip:a@b;x=1>;tag=2'), "sip:a@b;x=1");
  assert.equal(uriIn("sip:a@b"), "sip:a@b");
});

Deno.test("destinations() goes by the c= of a stream, else of the session", () => {
  assert.deepEqual(destinations(audio({ ip: "10.0.0.1", port: 6000 })), ["10.0.0.1:6000"]);
  const lines = ["c=IN IP4 10.0.0.2", "m=audio 6000 RTP/AVP 0", "m=video 0 RTP/AVP 96"];
  assert.deepEqual(destinations(sdp({ ip: "10.0.0.1" }, [...lines, "c=IN IP4 10.0.0.3"])), [
    "10.0.0.2:6000",
    "10.0.0.3:0",
  ]);
});
