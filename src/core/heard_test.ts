import assert from "node:assert/strict";
import { makeSession } from "../../tests/contract/rig.ts";
import { opening, World } from "../../tests/support/world.ts";
import { heardParties } from "./heard.ts";
import { lockedTo, reopened } from "./latch.ts";
import { OPEN_LATCH } from "./session.ts";

Deno.test("heardParties() says whose RTP was heard", () => {
  const [open, known, contested] = [OPEN_LATCH, lockedTo(41000), reopened(lockedTo(41000))];
  const cases = [
    ["nobody", open, open],
    ["caller", known, open],
    ["callee", open, contested],
    ["both", contested, known],
  ] as const;
  for (const [heard, caller, callee] of cases) {
    // RTCP alone is no voice.
    const session = makeSession({ latches: [caller, known, callee, known] });
    assert.equal(heardParties(session), heard);
  }
});

Deno.test("heardParties() knows a party by its first packets", async () => {
  const world = await new World().start();
  world.handle(opening());
  world.send("192.0.2.20:7000", "192.0.2.1:20000");
  world.advance(1);
  assert.equal(heardParties(world.only().session), "callee");
  world.send("10.10.1.10:6000", "10.10.1.1:20002");
  world.advance(1);
  assert.equal(heardParties(world.only().session), "both");
});
