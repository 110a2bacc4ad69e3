import assert from "node:assert/strict";
import { bytesOf, exchange, startDaemon, textOf } from "../support/daemon.ts";
import { readCorpus, type Recorded } from "./corpus.ts";

const CORPUS = await readCorpus();
const SCENARIOS = Map.groupBy(CORPUS, ({ scenario }) => scenario);

/** What cannot be relayed: there is no IPv6 in the media path. */
const REFUSED = ["S sdp_ipv6_short"];

Deno.test("the corpus is whole", () => {
  assert.equal(CORPUS.length, 464);
  assert.equal(SCENARIOS.size, 30);
});

for (const [scenario, recorded] of SCENARIOS) {
  Deno.test(`corpus: ${scenario} is answered as Kamailio accepts`, async () => {
    const daemon = await startDaemon({ maxSessions: 100 });
    for (const each of recorded) {
      const [replies = []] = await exchange(daemon.inbox, [each.bytes]);
      assertAccepted(each, replies);
    }
  });
}

Deno.test("the corpus is answered as Kamailio accepts when each scenario comes at once", async () => {
  for (const recorded of SCENARIOS.values()) {
    const daemon = await startDaemon({ maxSessions: 100 });
    const replies = await exchange(daemon.inbox, recorded.map(({ bytes }) => bytes));
    recorded.forEach((each, i) => assertAccepted(each, replies[i] ?? []));
  }
});

Deno.test("the corpus is answered as Kamailio accepts when every datagram is sent twice", async () => {
  for (const recorded of SCENARIOS.values()) {
    const daemon = await startDaemon({ maxSessions: 100 });
    for (const each of recorded.flatMap((one) => [one, one])) {
      const [replies = []] = await exchange(daemon.inbox, [each.bytes]);
      assertAccepted(each, replies);
    }
  }
});

Deno.test("the corpus leaves nothing behind where every call has ended", async () => {
  const lasting = new Set(["port_wrap_end_on_step"]);
  for (const [scenario, recorded] of SCENARIOS) {
    const daemon = await startDaemon({ maxSessions: 100 });
    for (const { bytes } of recorded) await exchange(daemon.inbox, [bytes]);
    const left = daemon.world.sessions().map(({ callId }) => callId);
    if (!lasting.has(scenario)) assert.deepEqual(left, [], scenario);
  }
});

/** One reply, of the length and with the cookie that Kamailio looks for. */
function assertAccepted(
  { scenario, bytes }: Recorded,
  replies: readonly (Uint8Array | null)[],
): void {
  const request = textOf(bytes);
  const [cookie = "", verb = ""] = request.split(" ");
  assert.equal(replies.length, 1, request);
  const reply = textOf(replies[0] ?? new Uint8Array());
  assert.ok(reply.length <= 255, "Kamailio reads no more");
  switch (verb) {
    case "P":
      return assert.equal(reply, `${cookie} P PONG`);
    case "G":
      assert.ok(reply.startsWith(`${cookie} G `));
      assert.equal(reply.length, cookie.length + 3 + 52);
      for (const end of [33, 53]) assert.equal(bytesOf(reply)[reply.length - 54 + end], 0, "NUL");
      return;
    default:
      return assert.equal(
        reply,
        request + (REFUSED.includes(`${verb} ${scenario}`) ? "ER" : "OK"),
      );
  }
}
