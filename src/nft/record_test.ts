import assert from "node:assert/strict";
import fc from "fast-check";
import { makeSession } from "../../tests/contract/rig.ts";
import { callIds, sessions } from "../../tests/support/arbitraries.ts";
import { lockedTo, reopened } from "../core/latch.ts";
import { OPEN_LATCH } from "../core/session.ts";
import { recordWords } from "./elements.ts";
import { fitsRecord, hashCallId, parseRecord, recordText } from "./record.ts";
import { commentBytes, commentOf } from "./wire.ts";

/** NFT_USERDATA_MAXLEN of linux/netfilter/nf_tables.h. */
const USERDATA_BYTES = 256;

Deno.test("recordText() is what nft shows of a session", () => {
  const session = makeSession({
    callId: "a b@host",
    latches: [
      lockedTo(41000),
      OPEN_LATCH,
      reopened(lockedTo(42000)),
      { locked: 42001, open: true, sendTo: 0 },
    ],
  });
  assert.equal(
    recordText(session),
    "a=10.10.1.10:6000 b=192.0.2.20:7000 heard=41000,0,42000+,42001- since=1700000000000 " +
      "in=default call=a%20b@host",
  );
});

Deno.test("parseRecord() gives back what recordText() wrote, for any Call-ID", () => {
  fc.assert(
    fc.property(sessions(callIds(150)), (session) => {
      const text = recordText(session);
      assert.match(text, /^[!#-[\]-~ ]+$/, "nothing that nft or a terminal trips over");
      assert.deepEqual(parseRecord(text, recordWords(session)), session);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("fitsRecord() promises that the kernel takes the record whatever is learned", () => {
  fc.assert(
    fc.property(sessions(callIds(160)), fc.integer({ min: 0, max: 160 }), (session, length) => {
      const plain = { ...session, callId: "x".repeat(length + 1) };
      for (const each of [session, plain]) {
        if (!fitsRecord(each)) continue;
        const widest = { locked: 65535, open: true, sendTo: 0 };
        for (const latches of [each.latches, [widest, widest, widest, widest] as const]) {
          const bytes = commentBytes(recordText({ ...each, latches }));
          assert.ok(bytes.length <= USERDATA_BYTES);
          assert.equal(commentOf(bytes), recordText({ ...each, latches }));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("fitsRecord() has room for the longest Call-ID that Kamailio sends", () => {
  const farthest = { address: 0xfffffffe, port: 65534 };
  const { a, b } = makeSession();
  assert.ok(fitsRecord(makeSession({
    callId: "x".repeat(120),
    a: { ...a, remote: farthest },
    b: { ...b, remote: farthest },
  })));
  assert.equal(fitsRecord(makeSession({ callId: "x".repeat(150) })), false);
});

Deno.test("parseRecord() makes nothing of what is no record", () => {
  const session = makeSession();
  const key = recordWords(session);
  const good = recordText(session);
  assert.ok(parseRecord(good, key));
  const bad = [
    "",
    "a comment",
    good.slice(0, -"call-1@test".length),
    good.replace("a=10.10.1.10:6000", "a=10.10.1.10"),
    good.replace("a=10.10.1.10:6000", "a=10.10.1.10:6000:1"),
    good.replace("a=10.10.1.10:6000", "a=10.10.1.010:6000"),
    good.replace("a=10.10.1.10:6000", "a=10.10.1.10:65536"),
    good.replace("b=192.0.2.20", "b=fd00::1"),
    good.replace("heard=0,0,0,0", "heard=0,0,0"),
    good.replace("heard=0,0,0,0", "heard=0,0,0,0,0"),
    good.replace("heard=0,0,0,0", "heard=0,0,65536,0"),
    good.replace("heard=0,0,0,0", "heard=0,0,1*,0"),
    good.replace("since=1700000000000", "since=-1"),
    `${good} more`,
    ` ${good}`,
  ];
  for (const text of bad) assert.equal(parseRecord(text, key), null, text);
  assert.equal(parseRecord(good, key.slice(1)), null);
  assert.equal(parseRecord(good, [...key, 0]), null);
});

Deno.test("parseRecord() takes any text and any key", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.constant(recordText(makeSession())),
  );
  const key = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 7 });
  fc.assert(fc.property(text, key, (...args) => void parseRecord(...args)), { numRuns: 3000 });
});

Deno.test("hashCallId() is a word that differs between like Call-IDs", () => {
  const hashes = Array.from({ length: 20_000 }, (_, i) => hashCallId(`call-${i}@10.0.0.1`));
  assert.ok(hashes.every((hash) => Number.isInteger(hash) && hash >= 0 && hash <= 0xffffffff));
  assert.ok(new Set(hashes).size >= 19_998);
});

Deno.test("commentOf() makes nothing of other userdata", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const comment = commentOf(bytes);
      assert.ok(comment === null || comment.length <= bytes.length);
    }),
    { numRuns: 3000 },
  );
  assert.equal(commentOf(undefined), null);
  // Another attribute may come before the comment.
  const comment = commentBytes("hello");
  assert.equal(commentOf(Uint8Array.of(7, 2, 1, 1, ...comment)), "hello");
});
