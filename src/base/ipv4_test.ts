import assert from "node:assert/strict";
import fc from "fast-check";
import { formatEndpoint, formatIpv4, maskOf, parseIpv4 } from "./ipv4.ts";

Deno.test("parseIpv4() reads back whatever formatIpv4() writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (address) => {
      assert.deepEqual(parseIpv4(formatIpv4(address)), { ok: true, value: address });
    }),
  );
});

Deno.test("parseIpv4() refuses what is not exactly a dotted quad", () => {
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1..2.3",
    "1.2.3.4 ",
    "a.b.c.d",
  ];
  for (
    const text of [...wrong, "1.2.3.4.", ".1.2.3.4", "fd00::1", "1.2.3.\0", "1.2.3.-4", "00.0.0.0"]
  ) {
    assert.equal(parseIpv4(text).ok, false, text);
  }
});

Deno.test("formatEndpoint() and maskOf() write the usual forms", () => {
  assert.equal(formatEndpoint({ address: 0xc0000201, port: 20000 }), "192.0.2.1:20000");
  assert.deepEqual([0, 8, 24, 32].map(maskOf), [0, 0xff000000, 0xffffff00, 0xffffffff]);
});
