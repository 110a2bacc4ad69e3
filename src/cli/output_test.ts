import assert from "node:assert/strict";
import { byteSize, duration, table, visible } from "./output.ts";

Deno.test("table() aligns text to the left and numbers to the right", () => {
  const text = table([["name", "count", "last"], ["a", 7, ""], ["longer", 12345, "x"]]);
  assert.equal(text, "name    count  last\na           7\nlonger  12345  x\n");
});

Deno.test("table() takes rows of unlike length", () => {
  assert.equal(table([["a"], ["b", "c"], []]), "a\nb  c\n\n");
});

Deno.test("table() is as wide as what is seen, and keeps each row on its line", () => {
  assert.equal(table([["call"], ["a\n\x1bb"], ["c", "d"]]), "call\na\\x0a\\x1bb\nc           d\n");
});

Deno.test("visible() lets nothing but printable ASCII through", () => {
  const expectations: readonly (readonly [string | number, string])[] = [
    ["a84b4c76e66710@pc33 ~!", "a84b4c76e66710@pc33 ~!"],
    ["\x1b[2J", "\\x1b[2J"],
    ["\r\n\t\0", "\\x0d\\x0a\\x09\\x00"],
    // DEL, the 8-bit CSI, Latin-1, and what turns text around.
    ["\x7f\x9b\xe9\u202e", "\\x7f\\x9b\\xe9\\x202e"],
    [-1.5, "-1.5"],
  ];
  for (const [cell, expected] of expectations) assert.equal(visible(cell), expected);
  for (let code = 0; code < 0x3000; code++) {
    assert.match(visible(String.fromCharCode(code)), /^[\x20-\x7e]+$/);
  }
});

Deno.test("duration() names the two largest units", () => {
  const expectations: readonly (readonly [number, string])[] = [
    [0, "0 s"],
    [0.4, "0 s"],
    [59.4, "59 s"],
    [59.6, "1 min"],
    [61, "1 min 1 s"],
    [3600, "1 h"],
    [3599, "59 min 59 s"],
    [12_345, "3 h 25 min"],
    [86_400 * 400 + 3600, "400 d 1 h"],
  ];
  for (const [seconds, expected] of expectations) assert.equal(duration(seconds), expected);
});

Deno.test("byteSize() takes the unit that people read", () => {
  const expectations: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    [70 * 1024 ** 2, "70.0 MiB"],
    [3 * 1024 ** 4, "3.0 TiB"],
    [5000 * 1024 ** 4, "5000.0 TiB"],
  ];
  for (const [bytes, expected] of expectations) assert.equal(byteSize(bytes), expected);
});
