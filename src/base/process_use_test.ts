import assert from "node:assert/strict";
import { cpuSeconds, maxFiles, openFiles } from "./process_use.ts";

Deno.test("openFiles() counts a file as long as it is open", () => {
  const before = openFiles();
  assert.ok(before !== null && before >= 3);
  const files = [1, 2, 3].map(() => Deno.openSync(new URL(import.meta.url)));
  assert.equal(openFiles(), before + 3);
  for (const file of files) file.close();
  assert.equal(openFiles(), before);
});

Deno.test("openFiles() looks no further than there can be files", () => {
  assert.equal(openFiles(3), 3);
});

Deno.test("maxFiles() knows the limit", () => {
  assert.ok((maxFiles() ?? 0) > 3);
});

Deno.test("cpuSeconds() grows with work", () => {
  const before = cpuSeconds();
  assert.ok(before > 0 && before < 3600);
  const endMs = performance.now() + 10_000;
  while (cpuSeconds() <= before) assert.ok(performance.now() < endMs);
});
