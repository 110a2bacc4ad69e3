import assert from "node:assert/strict";
import { cpuSeconds, maxFiles, openFiles } from "./process_use.ts";

Deno.test("openFiles() counts a file as long as it is open", () => {
  const before = openFiles();
  assert.ok(before !== null && before >= 3);
  const files = Array.from({ length: 400 }, () => Deno.openSync(new URL(import.meta.url)));
  // Other tests share this process, and have some files of their own.
  const most = openFiles() ?? 0;
  for (const file of files) file.close();
  const after = openFiles() ?? Infinity;
  assert.ok(Math.abs(most - before - 400) < 100, `${before}, then ${most}`);
  assert.ok(Math.abs(after - before) < 100, `${before}, then ${after}`);
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
