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

Deno.test("statusText() gives every warning a line", () => {
  const text = statusText({ ...STATUS, warnings: ["one", "two"] });
  assert.match(text, /\nwarning: one\nwarning: two\n$/);
  assert.doesNotMatch(statusText({ ...STATUS, warnings: [] }), /warning/);
});
