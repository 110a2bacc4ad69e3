import assert from "node:assert/strict";
import {
  SOCKADDR_BYTES,
  sockaddrAddress,
  sockaddrLength,
  sockaddrOf,
  sockaddrPort,
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

Deno.test("sockaddrOf() writes what sockaddrAddress() and sockaddrPort() read", () => {
  for (const sockaddr of [IPV4, IPV6]) {
    const written = sockaddrOf(sockaddrAddress(sockaddr), sockaddrPort(sockaddr) ?? 0);
    assert.deepEqual(written, sockaddr.slice(0, sockaddrLength(sockaddr)));
  }
});
