import assert from "node:assert/strict";
import type { Logger } from "../base/log.ts";
import { type Address, parseAddress } from "../base/cidr.ts";
import { changeMode, guardOf } from "./control_sockets.ts";

Deno.test("changeMode() says that a socket is not there, and lets a reload go on", () => {
  const errors: unknown[] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (_, fields) => errors.push(fields?.["socket"]),
  };
  changeMode({ log }, "/nonexistent/metrics.sock", 0o600);
  assert.deepEqual(errors, ["/nonexistent/metrics.sock"]);
});

Deno.test("guardOf() finds the relay's ports that a control port is among", () => {
  const [media, other] = ["10.10.1.1", "10.10.1.2"].map(addressOf);
  const range = { address: 0x0a0a0101, startPort: 20000, endPort: 30004 };
  const cases = [
    [media, 20000, range],
    [media, 30004, range],
    [media, 30005, undefined],
    [other, 20000, undefined],
    [null, 20000, range],
    [null, 19999, undefined],
    [addressOf("fd00::1"), 20000, undefined],
  ] as const;
  for (const [address, port, expected] of cases) {
    assert.deepEqual(guardOf([range], { address: address ?? null, port }), expected);
  }
});

function addressOf(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address.ok, text);
  return address.value;
}
