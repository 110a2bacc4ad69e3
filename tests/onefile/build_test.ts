import assert from "node:assert/strict";
import { Folder, run } from "./packed.ts";

const TOP = new URL("../../", import.meta.url).pathname;
const PROGRAM = `${TOP}dist/lrkproxy`;

/** Build dist/lrkproxy with what is said to be the base binary of `deno compile`. */
async function build(base: string): Promise<{ code: number; error: string; end: string }> {
  const env = { DENORT_BIN: base, HOME: Deno.env.get("HOME") ?? "/root" };
  const { code, error } = await run("bash", [`${TOP}tools/build.sh`], { env });
  const { out: end } = await run("tail", ["-c", "25", PROGRAM]);
  return { code, error, end };
}

Deno.test("the build uses deno compile with a base binary at hand; without, it says so in one line and packs", async () => {
  using folder = Folder.empty();
  const base = `${folder.path}/base`;
  try {
    // Any ELF file will do to see it made; started it would be what it was before.
    await Deno.copyFile(Deno.execPath(), base);
    const compiled = await build(base);
    assert.deepEqual([compiled.code, compiled.error], [0, ""]);
    assert.doesNotMatch(compiled.end, /lrkproxy-pack/);
    assert((await Deno.stat(PROGRAM)).size > (await Deno.stat(base)).size);
  } finally {
    const packed = await build(`${folder.path}/none`);
    assert.equal(packed.code, 0);
    assert.match(packed.error, /^build\.sh: deno compile has no base binary here: .*\n$/);
    assert.match(packed.end, /^lrkproxy-pack 1 \d{8}\n$/);
  }
});

Deno.test("a base binary that deno compile cannot use is no reason to fail", async () => {
  using folder = Folder.empty();
  const base = `${folder.path}/base`;
  await Deno.writeTextFile(base, "no program", { mode: 0o755 });
  const packed = await build(base);
  assert.deepEqual([packed.code, packed.error.trim().split("\n").length], [0, 1]);
  assert.match(packed.end, /^lrkproxy-pack 1/);
});
