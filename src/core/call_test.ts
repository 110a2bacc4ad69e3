import assert from "node:assert/strict";
import { ADMISSION, callFields, ip } from "../../tests/support/world.ts";
import { admitCall, type CallFields, forbiddenRemote, parsePort } from "./call.ts";

Deno.test("admitCall() takes the caller's leg from src and snat, the callee's from dnat and dst", () => {
  assert.deepEqual(admitCall(callFields(), ADMISSION), {
    ok: true,
    value: {
      callId: "call-1",
      a: {
        remote: { address: ip("10.10.1.10"), port: 6000 },
        local: { address: ip("10.10.1.1"), port: 20002 },
      },
      b: {
        remote: { address: ip("192.0.2.20"), port: 7000 },
        local: { address: ip("192.0.2.1"), port: 20000 },
      },
    },
  });
});

Deno.test("admitCall() gives the local address that carries an advertised one", () => {
  const admission = {
    ...ADMISSION,
    localAddress: new Map([["203.0.113.9", ip("10.0.0.9")], ["10.10.1.1", ip("10.10.1.1")]]),
  };
  const call = admitCall(callFields({ dstIp: "203.0.113.9" }), admission);
  assert.ok(call.ok);
  assert.deepEqual(call.value.b.local, { address: ip("10.0.0.9"), port: 20000 });
  const bare = admitCall(callFields({ dstIp: "10.0.0.9" }), admission);
  assert.equal(bare.ok ? "" : bare.error.reason, "not-our-address");
});

Deno.test("admitCall() admits what SDP may say, and refuses the rest with the reason", () => {
  const long = (length: number): string => "x".repeat(length);
  const cases: readonly (readonly [Partial<CallFields>, string])[] = [
    // Hold, by address or by port, on either side.
    [{ srcIp: "0.0.0.0", srcPort: "0" }, "ok"],
    [{ srcIp: "0.0.0.0" }, "ok"],
    [{ dnatPort: "0" }, "ok"],
    [{ dnatIp: "0.0.0.0", dnatPort: "0", srcIp: "0.0.0.0" }, "ok"],
    // One relay socket for both, one address for both, and a call to oneself.
    [{ dstPort: "20002" }, "ok"],
    [{ dstIp: "10.10.1.1", dstPort: "20002" }, "ok"],
    [{ dnatIp: "10.10.1.10", dnatPort: "6000" }, "ok"],
    [{ srcPort: "1" }, "ok"],
    [{ srcPort: "65534" }, "ok"],
    [{ callId: long(120) }, "ok"],
    [{ callId: `S_D_P_%20~!'*+<>"\\{}[]` }, "ok"],
    [{ callId: "" }, "malformed"],
    [{ callId: long(200) }, "malformed"],
    [{ srcIp: "" }, "malformed"],
    [{ srcIp: "fd00:1::10" }, "malformed"],
    [{ dnatIp: "host.example" }, "malformed"],
    [{ dnatIp: "192.0.2.2\u0000" }, "malformed"],
    [{ dnatIp: "192.0.2.020" }, "malformed"],
    [{ dnatIp: "192.0.2" }, "malformed"],
    [{ dnatIp: "192.0.2.256" }, "malformed"],
    [{ dnatIp: " 192.0.2.20" }, "malformed"],
    [{ srcPort: "" }, "malformed"],
    [{ srcPort: "-1" }, "malformed"],
    [{ srcPort: "6e3" }, "malformed"],
    [{ srcPort: "65535" }, "malformed"],
    [{ srcPort: "65536" }, "malformed"],
    [{ srcPort: "006000" }, "malformed"],
    [{ dstPort: "" }, "malformed"],
    [{ dstPort: "0" }, "malformed"],
    [{ dstPort: "1023" }, "malformed"],
    [{ snatPort: "65535" }, "malformed"],
    [{ snatIp: "" }, "not-our-address"],
    [{ dstIp: "192.0.2.9" }, "not-our-address"],
    [{ srcIp: "10.10.1.1" }, "forbidden-remote"],
    [{ dnatIp: "192.0.2.1" }, "forbidden-remote"],
    [{ dnatIp: "198.51.100.7" }, "forbidden-remote"],
  ];
  for (const [variant, expected] of cases) {
    const call = admitCall(callFields(variant), ADMISSION);
    assert.equal(call.ok ? "ok" : call.error.reason, expected, JSON.stringify(variant));
  }
});

Deno.test("forbiddenRemote() names addresses that are no single host or the relay itself", () => {
  const policy = {
    own: new Set([ip("192.0.2.1")]),
    broadcast: new Set([ip("192.0.2.255")]),
    refuse: [
      { address: ip("203.0.113.200"), prefix: 25 },
      { address: ip("198.18.0.0"), prefix: 15 },
    ],
  };
  const cases: readonly (readonly [string, RegExp | null])[] = [
    ["192.0.2.1", /relay itself/],
    ["127.0.0.1", /loopback/],
    ["127.255.255.255", /loopback/],
    ["0.0.0.1", /not a host/],
    ["0.255.0.0", /not a host/],
    ["224.0.0.1", /multicast/],
    ["239.255.255.255", /multicast/],
    ["240.0.0.1", /reserved/],
    ["255.255.255.255", /broadcast/],
    ["192.0.2.255", /broadcast/],
    ["203.0.113.128", /refused network/],
    ["203.0.113.127", null],
    ["198.19.255.255", /refused network/],
    ["198.20.0.0", null],
    ["10.0.0.1", null],
    ["223.255.255.254", null],
    ["128.0.0.1", null],
    ["1.0.0.1", null],
  ];
  for (const [text, expected] of cases) {
    const why = forbiddenRemote(ip(text), policy);
    if (expected) assert.match(why ?? "", expected, text);
    else assert.equal(why, null, text);
  }
});

Deno.test("forbiddenRemote() refuses everything when the network is 0.0.0.0/0", () => {
  const policy = {
    own: new Set<number>(),
    broadcast: new Set<number>(),
    refuse: [{ address: 0, prefix: 0 }],
  };
  assert.match(forbiddenRemote(ip("10.0.0.1"), policy) ?? "", /refused/);
});

Deno.test("parsePort() takes decimal numbers up to 65535", () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ["0", 0],
    ["00080", 80],
    ["65535", 65535],
    ["65536", null],
    ["99999", null],
    ["100000", null],
    ["", null],
    [" 1", null],
    ["1 ", null],
    ["+1", null],
    ["0x10", null],
    ["1.0", null],
    ["١", null],
    ["1\n", null],
  ];
  for (const [text, expected] of cases) assert.equal(parsePort(text), expected, `"${text}"`);
});
