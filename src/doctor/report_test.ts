import assert from "node:assert/strict";
import { generate, readGolden } from "../../tests/golden/generators.ts";
import { CHECKS } from "./finding.ts";

Deno.test("the doctor's texts, its JSON and the names of its checks are the golden files", () => {
  for (const name of ["doctor.txt", "doctor.json", "doctor_ids.txt"]) {
    assert.equal(generate(name), readGolden(name), name);
  }
});

Deno.test("every check is in the table of OPERATIONS.md", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/OPERATIONS.md", import.meta.url));
  for (const [id] of CHECKS) assert(text.includes(`\n| \`${id}\` |`), id);
});
