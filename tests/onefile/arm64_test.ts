import assert from "node:assert/strict";
import { Folder, run, told } from "./packed.ts";

/** Runs arm64 programs here. What they become by exec is this machine's: the fake runtime. */
const EMULATOR = ["qemu-aarch64-static"];

Deno.test("the launcher for arm64 unpacks, finds its cache again, repairs it, and falls back to memory", async () => {
  using build = Folder.empty();
  const script = new URL("arm64.sh", import.meta.url).pathname;
  const built = await run("bash", [script, build.path]);
  assert.equal(built.code, 0, built.error);
  using folder = await Folder.fake({ launcher: `${build.path}/launcher` });
  const header = (await Deno.readFile(folder.program)).subarray(18, 20);
  assert.deepEqual([...header], [183, 0], "the ELF header names AArch64");

  const through = EMULATOR;
  const first = await folder.run(["one", "7"], { through });
  const path = `${folder.entry()}/lrkproxy`;
  assert.deepEqual([first.code, told(first.out, "exe")], [7, [path]]);
  assert.deepEqual(told(first.out, "argument").slice(-2), ["one", "7"]);
  const { ctime } = await Deno.stat(path);
  await folder.run([], { through });
  assert.deepEqual((await Deno.stat(path)).ctime, ctime);

  const whole = await Deno.readFile(path);
  await Deno.truncate(path, 100);
  assert.equal((await folder.run(["7"], { through })).code, 7);
  assert.deepEqual(await Deno.readFile(path), whole);

  await Deno.chmod(folder.cache, 0o777);
  const mounts = "mount -t tmpfs -o ro tmpfs /var/cache";
  const last = await folder.run(["7"], { through, mounts });
  assert.equal(last.code, 7);
  assert.match(told(last.out, "exe")[0] ?? "", /^\/memfd:lrkproxy/);
});
