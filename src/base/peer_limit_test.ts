import assert from "node:assert/strict";
import { ManualClock } from "./clock.ts";
import { type HeldBack, PeerLimit, type PeerLimits } from "./peer_limit.ts";

const LIMITS: PeerLimits = { perSeconds: 60, burst: 3, peers: 3, allPerSecond: 100 };

function limited(variant: Partial<PeerLimits> = {}) {
  const clock = new ManualClock();
  const limit = new PeerLimit(clock, { ...LIMITS, ...variant });
  /** So many events of a peer; what came through says what was held back. */
  const send = (peer: string, events: number): readonly HeldBack[] => {
    const through: HeldBack[] = [];
    for (let i = 0; i < events; i++) limit.take(peer, (held) => through.push(held));
    return through;
  };
  return { clock, send };
}

const NOTHING: HeldBack = { suppressed: undefined, suppressedOfOthers: undefined };

Deno.test("PeerLimit lets a few of each peer through and counts the rest of each", () => {
  const { clock, send } = limited();
  assert.deepEqual(send("loud", 100), [NOTHING, NOTHING, NOTHING]);
  assert.deepEqual(send("quiet", 1), [NOTHING], "a loud one does not hide it");
  clock.advance(20_000);
  assert.deepEqual(send("loud", 10), [{ ...NOTHING, suppressed: 97 }]);
});

Deno.test("PeerLimit forgets the peer not heard of for longest, and names what it held back", () => {
  const { send } = limited();
  send("one", 10);
  send("two", 1);
  send("one", 1);
  send("three", 1);
  send("four", 1);
  assert.deepEqual(send("one", 1), [], "it is still known, the second is not");
  send("five", 1);
  send("six", 1);
  send("seven", 0);
  assert.deepEqual(send("eight", 1), [{ ...NOTHING, suppressedOfOthers: 9 }]);
  assert.deepEqual(send("nine", 1), [NOTHING], "and once is enough");
});

Deno.test("PeerLimit bounds the lines of all peers together", () => {
  const { clock, send } = limited({ allPerSecond: 20 });
  let lines = 0;
  for (let peer = 0; peer < 10_000; peer++) lines += send(`forged ${peer}`, 1).length;
  assert.equal(lines, 20);
  clock.advance(1000);
  assert.deepEqual(send("honest", 1), [{ ...NOTHING, suppressedOfOthers: 9978 }]);
});
