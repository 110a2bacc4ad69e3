import assert from "node:assert/strict";
import fc from "fast-check";
import { attributes, eachAttribute, messages, text, u32, u64 } from "./decode.ts";
import { MessageWriter } from "./message.ts";

Deno.test("MessageWriter keeps every value when its buffer grows", () => {
  const out = new MessageWriter();
  out.begin(12, 0x400, 7);
  // Well past the first buffer, in pieces that make the growth fall on each kind of value.
  for (let i = 0; i < 5000; i++) {
    out.raw(1, Uint8Array.from([i & 255, 2, 3]));
    out.u32(2, i);
    out.u64(3, i * 2 ** 32 + i);
    out.words(4, [i, i]);
    out.text(5, `n${i}`);
  }
  out.end();
  const [message] = [...messages(out.bytes())];
  assert.equal(message?.seq, 7);
  const found = [...eachAttribute(message?.body ?? new Uint8Array())];
  assert.equal(found.length, 25_000);
  for (let i = 0; i < 5000; i++) {
    const [raw, short, long, words, name] = found.slice(i * 5, i * 5 + 5).map(([, value]) => value);
    assert.deepEqual([raw?.[0], raw?.length], [i & 255, 3]);
    assert.deepEqual([u32(short), u64(long), u32(words, 4)], [i, i * 2 ** 32 + i, i]);
    assert.equal(text(name), `n${i}`);
  }
});

Deno.test("messages() and attributes() end quietly on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const message of messages(bytes)) {
        assert.ok(message.body.byteOffset + message.body.length <= bytes.byteOffset + bytes.length);
        attributes(message.body);
      }
    }),
    { numRuns: 5000 },
  );
});
