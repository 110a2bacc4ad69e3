import assert from "node:assert/strict";
import { replay } from "./replay.ts";
import { parseTranscript } from "./transcript.ts";

const FOLDER = new URL("./", import.meta.url);

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => name.endsWith(".txt")).toSorted();

for (const name of names) {
  for (const path of ["nft", "kmod"] as const) {
    Deno.test(`scenario: ${name}, by ${path}`, async () => {
      const steps = parseTranscript(await Deno.readTextFile(new URL(name, FOLDER)));
      assert.ok(steps.length > 0);
      await replay(steps, path);
    });
  }
}

Deno.test("parseTranscript() names a line that makes no sense", () => {
  const bad = [
    'ask "P"',
    "ask P PONG",
    "send 10.0.0.1:1 -> 10.0.0.2:2",
    "talk 5s",
    "talk 5s\n  10.0.0.1:1 : dropped",
    "wait 5",
    "restart now",
    "sing",
  ];
  for (const text of bad) assert.throws(() => parseTranscript(`\n${text}`), /Line 2/, text);
});

Deno.test("replay() names the line that does not come true", async () => {
  await assert.rejects(replay(parseTranscript('# x\nask "P" OK'), "nft"), /Line 2/);
});
