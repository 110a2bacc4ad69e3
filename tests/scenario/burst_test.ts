import assert from "node:assert/strict";
import { bytesOf, exchange, startDaemon, textOf } from "../support/daemon.ts";

const FIELDS = "10.10.1.10 192.0.2.1 10.10.1.1 192.0.2.20 6000 20000 20002 7000 60 call-1 ";

/** What a worker's request is answered with, its last two characters. */
function verdict(replies: readonly (Uint8Array | null)[]): string {
  return replies.map((reply) => reply && textOf(reply).slice(-2)).join();
}

Deno.test("requests that wait together are carried out in their order", async () => {
  const { inbox, world } = await startDaemon({ maxSessions: 10 });
  const requests = [`a S ${FIELDS}`, `b D ${FIELDS}`, `c S ${FIELDS}`, `d S ${FIELDS}`];
  const replies = await exchange(inbox, requests.map(bytesOf));
  assert.deepEqual(replies.map(verdict), ["OK", "OK", "OK", "OK"]);
  assert.equal(world.sessions().length, 1);
});

Deno.test("requests that wait together are so too when they find the kernel's table gone", async () => {
  const { inbox, world } = await startDaemon({ maxSessions: 10 });
  world.backend.kernel.clear();
  const replies = await exchange(inbox, [`a S ${FIELDS}`, `b D ${FIELDS}`].map(bytesOf));
  assert.deepEqual(replies.map(verdict), ["OK", "OK"]);
  assert.equal(world.sessions().length, 0);
});
