import assert from "node:assert/strict";
import { type PathMode, Promotion } from "./promotion.ts";
import { OPEN_LATCHES, type Session } from "./session.ts";

const THRESHOLDS = { packetsPerSecond: 1000, softirqPercent: 20 };

function session(callId: string, instance = "default"): Session {
  const leg = { remote: { address: 1, port: 1 }, local: { address: 2, port: 2 } };
  return { callId, instance, createdMs: 0, a: leg, b: leg, latches: OPEN_LATCHES };
}

function promotionOf(mode: PathMode): Promotion {
  return new Promotion(() => ({ mode, thresholds: THRESHOLDS }));
}

Deno.test("wants() follows the mode when nobody has said otherwise", () => {
  for (const [mode, wanted] of [["nft", false], ["kmod", true], ["auto", false]] as const) {
    assert.equal(promotionOf(mode).wants(session("x")), wanted, mode);
  }
});

Deno.test("note() promotes at once by rate or by softirq, and demotes after half a minute of calm", () => {
  const high = [
    { packetsPerSecond: 1000, softirqPercent: null },
    { packetsPerSecond: 0, softirqPercent: 20 },
  ];
  for (const load of high) {
    const promotion = promotionOf("auto");
    assert.equal(promotion.note({ packetsPerSecond: 999, softirqPercent: 19 }, 0), false);
    assert.equal(promotion.note(load, 1000), true);
    assert.equal(promotion.wants(session("x")), true);
    assert.equal(promotion.note({ packetsPerSecond: 500, softirqPercent: 0 }, 100_000), false);
    assert.equal(promotion.note({ packetsPerSecond: 499, softirqPercent: 9 }, 129_999), false);
    assert.equal(promotion.note({ packetsPerSecond: 499, softirqPercent: 9 }, 130_000), true);
    assert.equal(promotion.wants(session("x")), false);
  }
});

Deno.test("pin() of a call goes before that of an instance, and that before that of all", () => {
  const promotion = promotionOf("nft");
  promotion.pin("all", "kmod");
  promotion.pin({ instance: "west" }, "nft");
  promotion.pin({ callId: "x" }, "kmod");
  const wanted = [["x", "west"], ["y", "west"], ["y", "east"]] as const;
  assert.deepEqual(wanted.map(([id, name]) => promotion.wants(session(id, name))), [
    true,
    false,
    true,
  ]);
  promotion.pin("all", null);
  assert.deepEqual(wanted.map(([id, name]) => promotion.wants(session(id, name))), [
    false,
    false,
    false,
  ]);
});

Deno.test("reasonAgainst() says why a session is not wanted on the fast path", () => {
  assert.equal(promotionOf("kmod").reasonAgainst(session("x")), null);
  assert.equal(promotionOf("nft").reasonAgainst(session("x")), "[kernel] mode is nft");
  const auto = promotionOf("auto");
  auto.note({ packetsPerSecond: 12, softirqPercent: 1.2 }, 0);
  assert.equal(
    auto.reasonAgainst(session("x")),
    "the load is low: 12 packets/s, 1 % softirq; from 1000 packets/s or 20 % softirq on",
  );
  auto.pin({ callId: "x" }, "nft");
  assert.equal(auto.reasonAgainst(session("x")), "by hand (lrkproxy path)");
});
