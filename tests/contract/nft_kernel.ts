import assert from "node:assert/strict";
import { formatIpv4 } from "../../src/base/ipv4.ts";
import { lockedTo } from "../../src/core/latch.ts";
import { type Flow, flowsOf, OPEN_LATCH, type Session, withLatch } from "../../src/core/session.ts";
import { NftBackend } from "../../src/nft/backend.ts";
import { type KernelCase, makeNftRig, type NftRig } from "./nft_rig.ts";
import { PACKETS } from "./nft_packets.ts";
import { open } from "./relaying.ts";
import {
  CALLER,
  FOR_CALLER,
  learnedBy,
  ledgerOf,
  makeSession,
  numberedSession,
  RANGES,
  STRANGER,
} from "./rig.ts";

const CASES: readonly KernelCase[] = [
  {
    name: "a session whose record does not fit is refused, and its batch goes on",
    run(rig) {
      const [error, fine] = rig.backend.apply([
        { before: [], after: makeSession({ callId: "x".repeat(240) }) },
        { before: [], after: makeSession({ callId: "fits" }) },
      ]);
      assert.deepEqual([error?.kind, fine], ["unfit", null]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    },
  },
  {
    name: "a table of another layout is left alone",
    async run(rig) {
      rig.nft("delete", "table", "ip", "lrkproxy");
      rig.nft("add", "table", "ip", "lrkproxy", '{ comment "lrkproxy layout 999"; }');
      await assert.rejects(rig.restart().attach(), /layout 999/);
      assert.match(rig.nft("list", "tables"), /table ip lrkproxy/);
    },
  },
  {
    name: "rules of another version are exchanged, and the calls go on",
    async run(rig) {
      open(rig, makeSession());
      rig.vandalise("rule", makeSession());
      const next = rig.restart();
      assert.deepEqual(await next.attach(), [makeSession()]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    },
  },
  {
    name: "the guard of the relay's ports is part of what must be intact",
    async run(rig) {
      rig.nft("flush", "set", "ip", "lrkproxy", "relay_ports");
      assert.equal(rig.backend.isIntact([]), false);
      await rig.backend.restore(ledgerOf());
      assert.ok(rig.backend.isIntact([]));
      rig.send({ from: STRANGER, to: FOR_CALLER });
      assert.equal(rig.backend.strangers().length, 1);
    },
  },
  {
    name: "flushed and deleted chains come back, and the calls keep what they have counted",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      rig.send({ from: CALLER, to: FOR_CALLER });
      for (const damage of [["flush"], ["flush", "delete"]]) {
        for (const verb of damage) {
          for (const chain of ["prerouting", "guard"]) {
            rig.nft(verb, "chain", "ip", "lrkproxy", chain);
          }
        }
        assert.equal(rig.backend.isIntact([session]), false);
        assert.ok(await rig.backend.restore(ledgerOf(session)) > 0);
        assert.ok(rig.backend.isIntact([session]));
        assert.equal(rig.send({ from: STRANGER, to: FOR_CALLER }), null);
      }
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
      const [flow = null] = flowsOf(session);
      assert.equal(flow && rig.backend.count([flow])[0]?.packets, 2);
      assert.ok(rig.backend.strangers().length > 0);
    },
  },
  {
    name: "a table that is too small is made anew when it is empty, and says what fits until then",
    async run(rig) {
      const session = makeSession();
      open(rig, session);
      await using larger = new NftBackend({ maxSessions: 4000, ranges: RANGES });
      assert.deepEqual(await larger.attach(), [session]);
      assert.ok(larger.room() < 4000);
      assert.deepEqual(larger.apply([{ before: [session], after: null }]), [null]);
      await using next = new NftBackend({ maxSessions: 4000, ranges: RANGES });
      assert.deepEqual(await next.attach(), []);
      assert.equal(next.room(), 4000);
    },
  },
  {
    name: "thousands of left-over sessions are taken away",
    options: { maxSessions: 4000 },
    async run(rig) {
      const many = openMany(rig, 3000);
      const session = makeSession();
      open(rig, session);
      await rig.backend.restore(ledgerOf(session));
      assert.deepEqual(await rig.restart().attach(), [session]);
      assert.ok(rig.backend.count(flowOfFirst(many)).every((count) => count === null));
    },
  },
  {
    name: "thousands of ports learned at once are reported once",
    options: { maxSessions: 4000 },
    run(rig) {
      const many = openMany(rig, 3000);
      const elements = many.map(({ a: { remote, local } }) =>
        `${formatIpv4(remote.address)} . ${
          formatIpv4(local.address)
        } . ${local.port} : ${remote.port}`
      );
      rig.nft("add", "element", "ip", "lrkproxy", "learned", `{ ${elements.join(",")} }`);
      assert.equal(learnedBy(rig.backend).length, 3000);
      assert.equal(learnedBy(rig.backend).length, 0);
    },
  },
  {
    name: "thousands of ports locked at once are one change each",
    options: { maxSessions: 4000 },
    run(rig) {
      const many = openMany(rig, 3000);
      const results = rig.backend.apply(many.map((session) => ({
        before: [session],
        after: withLatch(session, 0, lockedTo(41000)),
      })));
      assert.deepEqual(results.filter((error) => error !== null), []);
    },
  },
];

/** What only a kernel can show, beside the contract. */
export function testKernel(): void {
  for (const { name, options = {}, run } of [...PACKETS, ...CASES]) {
    Deno.test(`nft: ${name}`, async () => {
      await using rig = await makeNftRig(options);
      await run(rig);
    });
  }
}

function openMany(rig: NftRig, count: number): readonly Session[] {
  const many = Array.from({ length: count }, (_, i) => numberedSession(i));
  const results = rig.backend.apply(many.map((after) => ({ before: [], after })));
  assert.deepEqual(results.filter((error) => error !== null), []);
  return many;
}

function flowOfFirst([first = makeSession()]: readonly Session[]): readonly Flow[] {
  const { a } = first;
  const key = { remote: a.remote.address, local: a.local };
  return [{ key, latch: OPEN_LATCH, rewrite: { source: a.local, destination: a.remote } }];
}
