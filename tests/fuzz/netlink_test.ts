import assert from "node:assert/strict";
import {
  attributes,
  eachAttribute,
  errorOf,
  messages,
  text,
  u32,
  u64,
} from "../../src/netlink/decode.ts";
import { countsIn, elementsIn } from "../../src/nft/dumped.ts";
import { elementsOf } from "../../src/nft/elements.ts";
import { MessageWriter } from "../../src/netlink/message.ts";
import * as nft from "../../src/nft/protocol.ts";
import { parseRecord } from "../../src/nft/record.ts";
import { RAW_RULES, writeRule } from "../../src/nft/rules.ts";
import { commentOf, openElements, writeElement } from "../../src/nft/wire.ts";
import { numberedSession } from "../contract/rig.ts";
import { Dice, mutate } from "./mutate.ts";

/* Damaged answers of the kernel: whatever comes, decoding ends, and says nothing that is not there. */

const RUNS = Number(Deno.env.get("LRKPROXY_FUZZ") ?? 50_000) / 2;
const SEED = Number(Deno.env.get("LRKPROXY_FUZZ_SEED") ?? Date.now() % 0x7fffffff);

function answers(): readonly Uint8Array[] {
  const out = new MessageWriter();
  const take = (): Uint8Array => {
    const bytes = out.bytes().slice();
    out.reset();
    return bytes;
  };
  out.begin(nft.NFT_MSG_NEWSETELEM, 0, 1);
  const list = openElements(out, "legs");
  const elements = [1, 2, 3].map(numberedSession).flatMap(elementsOf);
  for (const element of elements) writeElement(out, element, { packets: 3, bytes: 4 });
  out.close(list);
  out.end();
  const dump = take();
  for (const rule of RAW_RULES) {
    out.begin(nft.NFT_MSG_NEWRULE, 0, 1);
    writeRule(out, rule);
    out.end();
  }
  const rules = take();
  out.batchBegin(1);
  out.batchEnd(2);
  const batch = take();
  // NLMSG_ERROR: length 36, type 2, errno -2, and the header that it is about.
  const error = Uint8Array.of(
    36,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    9,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    254,
    255,
    255,
    255,
    ...Array(16).fill(0),
  );
  return [dump, rules, batch, error, Uint8Array.of(...error, ...dump, ...rules)];
}

function decodeAll(bytes: Uint8Array): void {
  let found = 0;
  for (const message of messages(bytes)) {
    found++;
    assert.ok(message.body.length <= bytes.length);
    assert.ok(Number.isInteger(errorOf(message)));
    for (const { key, comment } of elementsIn(message.body)) {
      if (comment !== null) parseRecord(comment, key);
    }
    countsIn(message.body);
    for (const [, value] of eachAttribute(message.body)) {
      attributes(value);
      text(value);
      commentOf(value);
      assert.ok(u32(value) >= 0 && u64(value) >= 0);
    }
  }
  assert.ok(found <= bytes.length / 16);
}

Deno.test(`${RUNS} damaged answers of nf_tables are decoded without harm (seed ${SEED})`, () => {
  const dice = new Dice(SEED);
  const samples = answers();
  for (const sample of samples) decodeAll(sample);
  for (let done = 0; done < RUNS; done++) decodeAll(mutate(samples, dice));
});
