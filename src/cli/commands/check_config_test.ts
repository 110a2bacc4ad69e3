import assert from "node:assert/strict";
import { generate, readGolden } from "../../../tests/golden/generators.ts";

Deno.test("configText() is the golden file", () => {
  assert.equal(generate("check-config.txt"), readGolden("check-config.txt"));
});
