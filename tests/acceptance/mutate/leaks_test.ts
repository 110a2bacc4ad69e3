import assert from "node:assert/strict";
import { leaksOf, TO_CALLEE, TO_CALLER } from "./leaks.ts";

const RELAYED =
  "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\nm=audio 20000 RTP/AVP 0\r\n";

const cases: readonly {
  readonly what: string;
  readonly body: string;
  readonly kinds: readonly string[];
}[] = [
  { what: "an SDP with the relay's address and port", body: RELAYED, kinds: [] },
  { what: "hold", body: "c=IN IP4 0.0.0.0\r\nm=audio 0 RTP/AVP 0\r\n", kinds: [] },
  { what: "an own address", body: "c=IN IP4 10.20.0.1\r\n", kinds: ["c="] },
  { what: "the relay's other address", body: "c=IN IP4 10.10.1.1\r\n", kinds: ["c="] },
  { what: "an own address with bare LF", body: "v=0\nc=IN IP4 10.20.0.1\nt=0 0\n", kinds: ["c="] },
  { what: "an own address with bare CR", body: "v=0\rc=IN IP4 10.20.0.1\r", kinds: ["c="] },
  { what: "a second c=", body: `${RELAYED}c=IN IP4 10.20.0.1\r\n`, kinds: ["c="] },
  { what: "IPv6", body: "c=IN IP6 2001:db8::1\r\n", kinds: ["c="] },
  { what: "a host name", body: "c=IN IP4 phone\r\n", kinds: ["c="] },
  { what: "a TTL", body: "c=IN IP4 192.0.2.1/127\r\n", kinds: [] },
  { what: "a c= without its type", body: "c=10.20.0.1\r\n", kinds: ["c="] },
  { what: "an empty c=", body: "c=IN IP4\r\nc=\r\n", kinds: [] },
  { what: "an own port", body: "m=audio 40000 RTP/AVP 0\r\n", kinds: ["m= port"] },
  {
    what: "an own port of a second stream",
    body: `${RELAYED}m=video 40002 x\r\n`,
    kinds: ["m= port"],
  },
  { what: "an own port for two", body: "m=audio 40000/2 RTP/AVP 0\r\n", kinds: ["m= port"] },
  { what: "an own RTCP port", body: "a=rtcp:40001\r\n", kinds: ["a=rtcp"] },
  { what: "an own RTCP address", body: "a=rtcp:20001 IN IP4 10.20.0.1\r\n", kinds: ["a=rtcp"] },
  { what: "the relay's RTCP", body: "a=rtcp:20001 IN IP4 192.0.2.1\r\n", kinds: [] },
  {
    what: "a candidate",
    body: "a=candidate:1 1 UDP 1 10.20.0.1 40000 typ host\r\n",
    kinds: ["a=candidate"],
  },
  { what: "another author", body: "o=- 1 1 IN IP4 10.20.0.1\r\n", kinds: ["o="] },
  {
    what: "SDP in a part of a body",
    body: "--b\r\nContent-Type: application/sdp\r\n\r\nc=IN IP4 10.20.0.1\r\n--b--",
    kinds: ["c="],
  },
];

for (const { what, body, kinds } of cases) {
  Deno.test(`leaksOf() finds ${kinds.join() || "nothing"} in ${what}`, () => {
    assert.deepEqual(leaksOf(body, TO_CALLEE).map(({ kind }) => kind), kinds);
  });
}

Deno.test("leaksOf() knows which of its addresses the relay has for whom", () => {
  assert.deepEqual(leaksOf("c=IN IP4 10.10.1.1\r\n", TO_CALLER), []);
  assert.equal(leaksOf("c=IN IP4 192.0.2.1\r\n", TO_CALLER).length, 1);
});
