import assert from "node:assert/strict";
import { formatIpv4 } from "../base/ipv4.ts";
import { makeSession } from "../../tests/contract/rig.ts";
import { ip } from "../../tests/support/world.ts";
import { PartyRoutes } from "./party_routes.ts";

const SESSION = makeSession();

/** Routes by destination, and the questions that were asked. */
function routes(table: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  const found = new PartyRoutes(({ to, from }) => {
    asked.push(`${formatIpv4(to)} from ${formatIpv4(from)}`);
    return table[formatIpv4(to)] ?? [];
  });
  return { asked, found };
}

Deno.test("PartyRoutes finds all interfaces by which the parties are reached, and asks once", () => {
  const { asked, found } = routes({ "10.10.1.10": ["lan"], "192.0.2.20": ["wan1", "wan2"] });
  assert.equal(found.note(SESSION), true);
  assert.deepEqual(found.interfaces, ["lan", "wan1", "wan2"]);
  assert.deepEqual(asked, ["10.10.1.10 from 10.10.1.1", "192.0.2.20 from 192.0.2.1"]);
  assert.equal(found.note(SESSION), false);
  assert.equal(asked.length, 2);
});

Deno.test("PartyRoutes asks again when routes have changed, and keeps what it has found", () => {
  const table: Record<string, readonly string[]> = {
    "10.10.1.10": ["lan"],
    "192.0.2.20": ["wan1"],
  };
  const { asked, found } = routes(table);
  found.note(SESSION);
  table["192.0.2.20"] = ["wan2"];
  found.forgetRoutes();
  assert.equal(found.note(SESSION), true);
  assert.deepEqual(found.interfaces, ["lan", "wan1", "wan2"]);
  assert.equal(asked.length, 4);
});

Deno.test("PartyRoutes asks for no party on hold, and is content with one that cannot be reached", () => {
  const held = { ...SESSION, a: { ...SESSION.a, remote: { address: ip("0.0.0.0"), port: 6000 } } };
  const { asked, found } = routes({});
  assert.equal(found.note(held), false);
  assert.deepEqual(asked, ["192.0.2.20 from 192.0.2.1"]);
  assert.deepEqual(found.interfaces, []);
});
