import assert from "node:assert/strict";
import {
  isWildcard,
  SOCKADDR_BYTES,
  sockaddrAddress,
  sockaddrLength,
  sockaddrPort,
  withoutPort,
} from "./sockaddr.ts";

function padded(...bytes: readonly number[]): Uint8Array {
  const sockaddr = new Uint8Array(SOCKADDR_BYTES);
  sockaddr.set(bytes);
  return sockaddr;
}

const IPV4 = padded(2, 0, 0x1f, 0x90, 192, 0, 2, 1);
const IPV6 = padded(10, 0, 0x1f, 0x91, 0, 0, 0, 0, 0xfd, ...Array(14).fill(0), 1);
const MAPPED = padded(10, 0, 0x1f, 0x92, 0, 0, 0, 0, ...Array(10).fill(0), 255, 255, 192, 0, 2, 9);

Deno.test("sockaddrPort() and sockaddrLength() read both families", () => {
  assert.deepEqual([IPV4, IPV6, MAPPED].map(sockaddrPort), [8080, 8081, 8082]);
  assert.deepEqual([IPV4, IPV6, MAPPED].map(sockaddrLength), [16, 28, 28]);
  assert.equal(sockaddrPort(padded(1, 0, 47)), null, "a UNIX socket has no port");
});

Deno.test("sockaddrAddress() takes a mapped address for the IPv4 one that it is", () => {
  assert.deepEqual(sockaddrAddress(IPV4), { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) });
  assert.deepEqual(sockaddrAddress(MAPPED), { family: 4, bytes: Uint8Array.of(192, 0, 2, 9) });
  assert.deepEqual(sockaddrAddress(IPV6), {
    family: 6,
    bytes: Uint8Array.of(0xfd, ...Array(14).fill(0), 1),
  });
});

Deno.test("isWildcard() and withoutPort() look at the address and the port alone", () => {
  const any4 = padded(2, 0, 0x1f, 0x90);
  const any6 = padded(10, 0, 0x1f, 0x90, 1, 2, 3, 4);
  assert.deepEqual([any4, any6, IPV4, IPV6, MAPPED].map(isWildcard), [
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.deepEqual(withoutPort(IPV4), padded(2, 0, 0, 0, 192, 0, 2, 1));
});
