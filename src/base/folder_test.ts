import assert from "node:assert/strict";
import { besideIn, folderOf } from "./folder.ts";

Deno.test("folderOf() is the part before the last slash", () => {
  assert.deepEqual(["/a/b.c", "/a", "a", "a/b"].map(folderOf), ["/a", "/", ".", "a"]);
});

Deno.test("besideIn() leaves whole paths alone", () => {
  assert.deepEqual([besideIn("/a", "b"), besideIn("/a", "/b")], ["/a/b", "/b"]);
});
