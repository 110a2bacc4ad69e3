import assert from "node:assert/strict";
import fc from "fast-check";
import { formatIpv4, maskOf } from "./ipv4.ts";
import { addressOfIpv4, anyContains, cidrContains, parseAddress, parseCidr } from "./cidr.ts";

function contains(network: string, address: string): boolean {
  const cidr = parseCidr(network);
  const parsed = parseAddress(address);
  assert.ok(cidr.ok && parsed.ok, `${network} ${address}`);
  return cidrContains(cidr.value, parsed.value);
}

Deno.test("parseCidr() gives the network as it is usually written", () => {
  const cases = [
    ["127.0.0.0/8", "127.0.0.0/8"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["192.0.2.77/25", "192.0.2.0/25"],
    ["192.0.2.1", "192.0.2.1/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::1", "::1/128"],
    ["2001:DB8::ff/32", "2001:db8::/32"],
    ["::/0", "::/0"],
  ] as const;
  for (const [text, expected] of cases) {
    const result = parseCidr(text);
    assert.equal(result.ok ? result.value.text : result.error, expected);
  }
});

Deno.test("parseCidr() refuses what is not a network", () => {
  const cases = [
    ["", /is not a network/],
    ["localhost", /is not a network/],
    ["10.0.0/8", /is not a network/],
    ["010.0.0.0/8", /is not a network/],
    ["10.0.0.0/8/8", /is not a network/],
    ["fe80::1%eth0/64", /is not a network/],
    ["10.0.0.0/33", /prefix length from 0 to 32/],
    ["10.0.0.0/", /prefix length from 0 to 32/],
    ["10.0.0.0/-1", /prefix length from 0 to 32/],
    ["10.0.0.0/1e1", /prefix length from 0 to 32/],
    ["::/129", /prefix length from 0 to 128/],
    ["::ffff:10.0.0.0/104", /write it as an IPv4 network/],
  ] as const;
  for (const [text, expected] of cases) {
    const result = parseCidr(text);
    assert.match(result.ok ? "accepted" : result.error, expected, text);
  }
});

Deno.test("cidrContains() compares the prefix only, within one family", () => {
  const cases = [
    ["127.0.0.0/8", "127.255.0.1", true],
    ["127.0.0.0/8", "128.0.0.1", false],
    ["192.0.2.0/25", "192.0.2.127", true],
    ["192.0.2.0/25", "192.0.2.128", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.0", false],
    ["0.0.0.0/0", "255.255.255.255", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "192.0.2.1", false],
    ["::1", "::1", true],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["192.0.2.0/24", "::ffff:192.0.2.9", true],
    ["fe80::/10", "fe80::1%eth0", true],
  ] as const;
  for (const [network, address, expected] of cases) {
    assert.equal(contains(network, address), expected, `${network} ${address}`);
  }
});

Deno.test("cidrContains() agrees with arithmetic on 32 bits for any IPv4 network", () => {
  const word = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 32 }), (network, other, prefix) => {
      const cidr = parseCidr(`${formatIpv4(network)}/${prefix}`);
      assert.ok(cidr.ok);
      const mask = maskOf(prefix);
      for (const address of [network, other, (network ^ 1) >>> 0, (network ^ 0x10000) >>> 0]) {
        const expected = ((address & mask) >>> 0) === ((network & mask) >>> 0);
        assert.equal(cidrContains(cidr.value, addressOfIpv4(address)), expected);
      }
    }),
  );
});

Deno.test("anyContains() is false for an empty list", () => {
  assert.equal(anyContains([], addressOfIpv4(0x7f000001)), false);
});
