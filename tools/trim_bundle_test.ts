import assert from "node:assert/strict";
import { trimBundle } from "./trim_bundle.ts";

/** What the trimmed import binds, as a program sees it. */
function bound(statement: string, name: string): unknown {
  return new Function(`${trimBundle(statement)} return ${name};`)();
}

Deno.test("trimBundle() replaces default and named imports, also under another name", () => {
  assert.deepEqual(bound('import files from "node:fs";', "files"), {});
  const strip = bound('import { stripVTControlCharacters as strip2 } from "node:util";', "strip2");
  assert.equal(typeof strip, "function");
});

Deno.test("trimBundle() keeps the number of lines", () => {
  const text = 'import { EventEmitter } from "node:events";\nimport fs from "node:fs";\n';
  assert.equal(trimBundle(text).split("\n").length, text.split("\n").length);
});

Deno.test("trimBundle() refuses a module that nobody has thought about", () => {
  assert.throws(() => trimBundle('import http from "node:http";'), /say in .* "node:http"/);
});

Deno.test("trimBundle()'s emitter calls all listeners in order and says whether there were any", () => {
  const Emitter = bound('import { EventEmitter } from "node:events";', "EventEmitter") as new () =>
  {
    on(name: string, listener: (value: number) => void): unknown;
    emit(name: string, value: number): boolean;
    listenerCount(name: string): number;
  };
  const emitter = new Emitter();
  const heard: number[] = [];
  emitter.on("a", (value) => heard.push(value));
  emitter.on("a", (value) => heard.push(-value));
  assert.deepEqual([emitter.emit("a", 7), emitter.emit("b", 8)], [true, false]);
  assert.deepEqual(heard, [7, -7]);
  assert.deepEqual([emitter.listenerCount("a"), emitter.listenerCount("b")], [2, 0]);
});
