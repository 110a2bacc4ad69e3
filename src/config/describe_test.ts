import assert from "node:assert/strict";
import golden from "../../tests/golden/lrkproxy.ini" with { type: "text" };
import { keyHelp, sampleFile } from "./describe.ts";
import { formatErrors, loadConfigText } from "./load.ts";
import { SECTIONS } from "./schema.ts";

Deno.test("sampleFile() is the golden file", () => {
  assert.equal(sampleFile(), golden);
});

Deno.test("sampleFile() loads, and says nothing that the defaults do not say", () => {
  const sample = loadConfigText(golden, "lrkproxy.ini");
  const minimal = loadConfigText("[kernel]\ninternal_ip = 192.0.2.10\n", "minimal.ini");
  assert.ok(sample.ok && minimal.ok);
  // Lines differ, of course.
  const { addressLines } = sample.value;
  assert.deepEqual(sample.value, { ...minimal.value, addressLines });
});

Deno.test("sampleFile() loads with every key set", () => {
  const result = loadConfigText(golden.replace(/^;/gm, ""), "lrkproxy.ini");
  assert.ok(result.ok, result.ok ? "" : formatErrors(result.error));
  assert.deepEqual(result.value.instances.map(({ name }) => name), ["default", "second"]);
});

Deno.test("sampleFile() and keyHelp() have every key and no line too long for a terminal", () => {
  const keys = Object.values(SECTIONS).flatMap(({ keys }) => Object.keys(keys));
  for (const text of [sampleFile(), keyHelp()]) {
    for (const key of keys) assert.match(text, new RegExp(`^(;|  )?${key}\\b`, "m"));
    for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
  }
});
