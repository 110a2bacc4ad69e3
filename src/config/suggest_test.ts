import assert from "node:assert/strict";
import { didYouMean } from "./suggest.ts";

Deno.test("didYouMean() names the nearest candidate and stays silent when none is near", () => {
  const keys = ["start_port", "end_port", "current_port", "internal_ip"];
  const cases = [
    ["start_prot", ' (did you mean "start_port"?)'],
    ["startport", ' (did you mean "start_port"?)'],
    ["INTERNAL-IP", ' (did you mean "internal_ip"?)'],
    ["end_port", ' (did you mean "end_port"?)'],
    ["colour", ""],
    ["", ""],
  ] as const;
  for (const [word, expected] of cases) assert.equal(didYouMean(word, keys), expected, word);
});
