import assert from "node:assert/strict";
import { kernelClock, listFolder, readLink, readProcFile } from "./procfs.ts";

Deno.test("listFolder() names what is in a folder, more than one buffer of it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const names = Array.from({ length: 3000 }, (_, i) => `file-with-quite-a-long-name-${i}`);
    for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, "");
    assert.deepEqual([...listFolder(folder) ?? []].sort(), names.sort());
    assert.equal(listFolder(`${folder}/absent`), null);
    assert.equal(listFolder(`${folder}/${names[0]}`), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readProcFile() reads to the end, or to the limit", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "x".repeat(200_000));
    assert.equal(readProcFile(path)?.length, 200_000);
    assert.equal(readProcFile(path, 100)?.length, 65536);
    assert.equal(readProcFile(`${path}/absent`), null);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("readLink() tells where a link points to", () => {
  assert.equal(readLink("/proc/self"), String(Deno.pid));
  assert.equal(readLink("/proc/absent"), null);
});

Deno.test("kernelClock() reads an error bound that can be", () => {
  const clock = kernelClock();
  assert(clock !== null && clock.maxErrorSeconds >= 0 && clock.maxErrorSeconds < 1e5);
});
