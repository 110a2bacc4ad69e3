import assert from "node:assert/strict";
import { makeSession } from "../../tests/contract/rig.ts";
import { INSTANCE } from "../../tests/support/daemon.ts";
import { FormerAddresses } from "./former_addresses.ts";

const SESSION = makeSession({ instance: INSTANCE.name });
const MOVED = { ...INSTANCE, internalIp: "10.10.1.3", internalLocal: "10.10.1.3" };

Deno.test("FormerAddresses tells of addresses that Kamailio goes on with, until it gives out the new ones", () => {
  const former = new FormerAddresses();
  assert.equal(former.note(SESSION, [INSTANCE]), false);
  assert.deepEqual(former.warnings(), []);
  assert.equal(former.note(SESSION, [MOVED]), true);
  assert.equal(former.note(SESSION, [MOVED]), false);
  assert.deepEqual(former.warnings(), [
    'Kamailio still gives out 10.10.1.1, which instance "default" had before a reload',
  ]);
  assert.equal(former.note(SESSION, [INSTANCE]), true);
  assert.deepEqual(former.warnings(), []);
});

Deno.test("FormerAddresses says nothing of an instance that is gone", () => {
  const former = new FormerAddresses();
  assert.equal(former.note(SESSION, []), false);
  assert.deepEqual(former.warnings(), []);
});
