import * as nft from "./protocol.ts";
import { commentOf, type Count } from "./wire.ts";

/** An element as the kernel shows it. */
export interface Dumped {
  readonly key: readonly number[];
  /** The other end of an interval. */
  readonly keyEnd: readonly number[] | null;
  readonly data: readonly number[] | null;
  readonly comment: string | null;
  readonly count: Count;
}

const TYPE_MASK = 0x3fff;

/**
 * The elements in the body of a NFT_MSG_NEWSETELEM. A dump has a hundred thousand of them, so this
 * walks the bytes itself and makes nothing but what it yields.
 */
export function elementsIn(body: Uint8Array): readonly Dumped[] {
  const walk = new Walk(body);
  const found: Dumped[] = [];
  walk.each(0, body.length, (type, start, end) => {
    if (type !== nft.NFTA_SET_ELEM_LIST_ELEMENTS) return;
    walk.each(start, end, (_, from, to) => {
      const element = elementAt(walk, from, to);
      if (element) found.push(element);
    });
  });
  return found;
}

/** The counts of the elements in the body of a NFT_MSG_NEWSETELEM, and nothing else of them. */
export function countsIn(body: Uint8Array): readonly Count[] {
  const walk = new Walk(body);
  const found: Count[] = [];
  walk.each(0, body.length, (type, start, end) => {
    if (type !== nft.NFTA_SET_ELEM_LIST_ELEMENTS) return;
    walk.each(start, end, (_, from, to) => {
      const count = { packets: 0, bytes: 0 };
      walk.each(from, to, (field, at, behind) => {
        if (field === nft.NFTA_SET_ELEM_EXPR) readCount(walk, { start: at, end: behind }, count);
      });
      found.push(count);
    });
  });
  return found;
}

function elementAt(walk: Walk, from: number, to: number): Dumped | null {
  let key: readonly number[] | null = null;
  let keyEnd: readonly number[] | null = null;
  let data: readonly number[] | null = null;
  let comment: string | null = null;
  const count = { packets: 0, bytes: 0 };
  walk.each(from, to, (type, start, end) => {
    switch (type) {
      case nft.NFTA_SET_ELEM_KEY:
        key = wordsAt(walk, start, end);
        break;
      case nft.NFTA_SET_ELEM_KEY_END:
        keyEnd = wordsAt(walk, start, end);
        break;
      case nft.NFTA_SET_ELEM_DATA:
        data = wordsAt(walk, start, end);
        break;
      case nft.NFTA_SET_ELEM_USERDATA:
        comment = commentOf(walk.bytes.subarray(start, end));
        break;
      case nft.NFTA_SET_ELEM_EXPR:
        readCount(walk, { start, end }, count);
    }
  });
  return key && { key, keyEnd, data, comment, count };
}

function wordsAt(walk: Walk, from: number, to: number): readonly number[] | null {
  let words: number[] | null = null;
  walk.each(from, to, (type, start, end) => {
    if (type !== nft.NFTA_DATA_VALUE) return;
    words = [];
    for (let at = start; at + 4 <= end; at += 4) words.push(walk.view.getUint32(at));
    // A lone port is two bytes long.
    if (end - start === 2) words.push((walk.view.getUint16(start) << 16) >>> 0);
  });
  return words;
}

function readCount(
  walk: Walk,
  { start, end }: { readonly start: number; readonly end: number },
  count: { packets: number; bytes: number },
): void {
  walk.each(start, end, (type, from, to) => {
    if (type !== nft.NFTA_EXPR_DATA) return;
    walk.each(from, to, (field, at, behind) => {
      if (behind - at !== 8) return;
      const value = walk.view.getUint32(at) * 2 ** 32 + walk.view.getUint32(at + 4);
      if (field === nft.NFTA_COUNTER_PACKETS) count.packets = value;
      if (field === nft.NFTA_COUNTER_BYTES) count.bytes = value;
    });
  });
}

/** Attributes by position, each checked against the end of what holds it. */
class Walk {
  readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  each(from: number, to: number, visit: (type: number, start: number, end: number) => void): void {
    for (let at = from; at + 4 <= to;) {
      const length = this.view.getUint16(at, true);
      if (length < 4 || at + length > to) return;
      visit(this.view.getUint16(at + 2, true) & TYPE_MASK, at + 4, at + length);
      at += (length + 3) & ~3;
    }
  }
}
