import assert from "node:assert/strict";
import fc from "fast-check";
import { PLAIN, sessions } from "../../tests/support/arbitraries.ts";
import { messages } from "../netlink/decode.ts";
import { countsIn, elementsIn } from "./dumped.ts";
import { type Element, elementsOf } from "./elements.ts";
import { MessageWriter } from "../netlink/message.ts";
import * as nft from "./protocol.ts";
import { type Count, openElements, writeElement } from "./wire.ts";

/** The body of a message with these elements, as the kernel would send them back. */
function bodyOf(elements: readonly Element[], count: Count | null): Uint8Array {
  const out = new MessageWriter();
  out.begin(nft.NFT_MSG_NEWSETELEM, 0, 1);
  const list = openElements(out, "legs");
  for (const element of elements) writeElement(out, element, count);
  out.close(list);
  out.end();
  const [message] = [...messages(out.bytes())];
  return message?.body ?? new Uint8Array();
}

Deno.test("elementsIn() reads back every element that was written", () => {
  const count = fc.record({
    packets: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    bytes: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  }, PLAIN);
  fc.assert(
    fc.property(fc.array(sessions(), { maxLength: 8 }), fc.option(count), (list, found) => {
      const elements = list.flatMap(elementsOf);
      const body = bodyOf(elements, found);
      const expected = found ?? { packets: 0, bytes: 0 };
      assert.deepEqual(
        elementsIn(body),
        elements.map(({ key, data, comment }) => ({
          key,
          keyEnd: null,
          data,
          comment,
          count: expected,
        })),
      );
      assert.deepEqual(countsIn(body), elements.map(() => expected));
    }),
    { numRuns: 500 },
  );
});

Deno.test("elementsIn() reads a lone port as a port word, as in `learned`", () => {
  const out = new MessageWriter();
  out.begin(nft.NFT_MSG_NEWSETELEM, 0, 1);
  const list = openElements(out, "learned");
  const item = out.open(nft.NFTA_LIST_ELEM);
  for (
    const [type, bytes] of [[nft.NFTA_SET_ELEM_KEY, [1, 2, 3, 4]], [nft.NFTA_SET_ELEM_DATA, [
      0xa0,
      0x28,
    ]]] as const
  ) {
    const value = out.open(type);
    out.raw(nft.NFTA_DATA_VALUE, Uint8Array.from(bytes));
    out.close(value);
  }
  out.close(item);
  out.close(list);
  out.end();
  const [message] = [...messages(out.bytes())];
  const [element] = elementsIn(message?.body ?? new Uint8Array());
  assert.deepEqual([element?.key, element?.data], [[0x01020304], [0xa0280000]]);
});

Deno.test("elementsIn() and countsIn() end quietly on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.ok(elementsIn(bytes).length <= bytes.length);
      assert.ok(countsIn(bytes).length <= bytes.length);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("elementsIn() and countsIn() stay in step on damaged answers", () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(sessions(), { maxLength: 3 }), damage, (list, changes) => {
      const body = bodyOf(list.flatMap(elementsOf), { packets: 1, bytes: 2 }).slice();
      for (const [at, value] of changes) if (body.length > 0) body[at % body.length] = value;
      const elements = elementsIn(body);
      assert.ok(elements.length <= countsIn(body).length);
      for (const { key, data } of elements) {
        assert.ok([...key, ...data ?? []].every((word) => word >= 0 && word <= 0xffffffff));
      }
    }),
    { numRuns: 5000 },
  );
});
