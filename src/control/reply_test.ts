import assert from "node:assert/strict";
import { configReply, MAX_ADDRESS_TEXT, pongReply, verdictReply } from "./reply.ts";

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

const CONFIG = {
  startPort: 20000,
  endPort: 30000,
  currentPort: 20004,
  internalIp: "10.10.1.1",
  externalIp: "192.0.2.1",
};

Deno.test("pongReply() says PONG", () => {
  assert.equal(latin(pongReply("-1_2")), "-1_2 P PONG");
  assert.equal(latin(pongReply("")), "P PONG");
});

Deno.test("configReply() is three little-endian numbers and two NUL-padded addresses", () => {
  const zeros = (count: number): string => "\u0000".repeat(count);
  const body = "\u0020\u004e\u0000\u0000" + "\u0030\u0075\u0000\u0000" +
    "\u0024\u004e\u0000\u0000" +
    `10.10.1.1${zeros(11)}` + `192.0.2.1${zeros(11)}`;
  assert.equal(latin(configReply("-1_2", CONFIG)), `-1_2 G ${body}`);
  assert.equal(latin(configReply("", CONFIG)), `G ${body}`);
  assert.equal(configReply("", CONFIG).length, 2 + 52);
});

Deno.test("configReply() ends addresses with a NUL, without which Kamailio crashes", () => {
  const longest = {
    ...CONFIG,
    internalIp: "255.255.255.255",
    externalIp: "x".repeat(MAX_ADDRESS_TEXT),
  };
  const reply = configReply("", longest);
  assert.equal(reply.length, 54);
  assert.equal(reply.at(-1), 0);
  assert.throws(() => configReply("", { ...CONFIG, externalIp: "x".repeat(MAX_ADDRESS_TEXT + 1) }));
});

Deno.test("verdictReply() is the request, byte for byte, and two more", () => {
  const request = Uint8Array.from({ length: 253 }, (_, i) => i);
  for (const verdict of ["OK", "ER"] as const) {
    const reply = verdictReply(request, verdict);
    assert.deepEqual(reply.subarray(0, 253), request);
    assert.equal(latin(reply.subarray(253)), verdict);
  }
});
