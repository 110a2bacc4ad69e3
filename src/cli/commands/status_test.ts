import assert from "node:assert/strict";
import { generate, readGolden } from "../../../tests/golden/generators.ts";
import { STATUS } from "../../../tests/golden/views.ts";
import { statusText } from "./status.ts";

Deno.test("statusText() is the golden file", () => {
  assert.equal(generate("status.txt"), readGolden("status.txt"));
});

Deno.test("statusText() says so while nothing has been counted", () => {
  const text = statusText({ ...STATUS, control: { ping: 0 }, relay: { ended: { silent: 0 } } });
  assert.match(text, /^control: nothing yet$/m);
  assert.match(text, /^calls: {3}nothing yet$/m);
});

Deno.test("statusText() counts one-way calls where there are any", () => {
  const text = statusText({ ...STATUS, oneWay: { caller: 498, callee: 0, of: 500 } });
  assert.match(text, /^one-way: {2}498 of 500 calls; RTP of the caller only: 498, of the callee/m);
  for (const oneWay of [null, { caller: 0, callee: 0, of: 500 }]) {
    assert.doesNotMatch(statusText({ ...STATUS, oneWay }), /one-way/);
  }
});

Deno.test("statusText() does not call unheard what was not looked at yet", () => {
  const text = statusText({ ...STATUS, sessions: { unheard: 5, active: 2, stale: 0, unread: 4 } });
  assert.match(
    text,
    /^sessions: 2 active, 1 not heard from yet, 0 stale, 4 not looked at since the start$/m,
  );
});

Deno.test("statusText() gives every warning a line, and below it what cures it", () => {
  const text = statusText({ ...STATUS, warnings: ["one", "two"], remedies: [[], ["do", "or"]] });
  assert.match(text, /\nwarning: one\nwarning: two\n {6}=> do\n {6}=> or\n$/);
  assert.doesNotMatch(statusText({ ...STATUS, warnings: [] }), /warning/);
});
