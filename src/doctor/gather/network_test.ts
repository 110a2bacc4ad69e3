import assert from "node:assert/strict";
import { err } from "../../base/result.ts";
import { config, healthy, localAddress } from "../testing/healthy.ts";
import { interfacesOf } from "./network.ts";

Deno.test("interfacesOf() without a daemon names those of the addresses, and no loopback that brings nothing", () => {
  const daemon = { ...healthy().daemon, status: err("no daemon") };
  const onLo = (text: string, arrival: string) => ({
    ...localAddress("lo", text),
    ...{ bringsPackets: false, arrival },
  });
  const cases = [
    [[localAddress("a", "10.10.1.1"), localAddress("b", "192.0.2.1")], ["a", "b"]],
    [[onLo("10.10.1.1", "c"), onLo("192.0.2.1", "c")], ["c"]],
    [[localAddress("a", "10.10.1.1"), onLo("192.0.2.1", "lo")], ["a"]],
    [[onLo("10.10.1.1", "lo"), onLo("192.0.2.1", "lo")], []],
  ] as const;
  for (const [addresses, expected] of cases) {
    assert.deepEqual(interfacesOf(config(), addresses, daemon), expected);
  }
});
