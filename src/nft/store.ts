import type { Edit } from "./commands.ts";
import { countsIn, type Dumped, elementsIn } from "./dumped.ts";
import { type Element, SET_NAMES, type SetName } from "./elements.ts";
import type { Exchange, WriteMessage } from "./exchange.ts";
import type { MessageWriter } from "../netlink/message.ts";
import * as nft from "./protocol.ts";
import { type Count, openElements, TABLE, writeElement, writeKey } from "./wire.ts";

/**
 * Keys in one message: the list of them is an attribute, of 65,535 bytes at most, and the answers
 * must fit the socket's buffer.
 */
const KEYS_AT_ONCE = 1000;
/** Elements in a message: its list must not pass 65,535 bytes, and a record may have 300. */
const ADD_AT_ONCE = 200;
const DUMP_ATTEMPTS = 5;
const NO_COUNTS: ReadonlyMap<Element, Count> = new Map();

/** The elements of the kernel's table. */
export class ElementStore {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /**
   * Carry out edits as one transaction. The answer holds the errno of each edit that the kernel
   * refused, by index; with any, none of the edits has happened.
   */
  commit(edits: readonly Edit[]): ReadonlyMap<number, number> {
    // Reading and writing share the exchange's buffer, so the counts come first.
    const counts = this.#countsFor(edits);
    const editOf = new Map<number, number>();
    const errors = this.#exchange.transact((message) => {
      edits.forEach((edit, i) => {
        for (const seq of writeEdit(message, edit, counts)) editOf.set(seq, i);
      });
    });
    return new Map([...errors].map(([seq, code]) => [editOf.get(seq) ?? -1, code]));
  }

  /** The elements of a set that exist under these keys, null for the others. */
  read(set: SetName, keys: readonly (readonly number[])[]): readonly (Dumped | null)[] {
    return this.#readAs(set, keys, elementsIn);
  }

  /** The counts of those elements, for which less has to be read of each. */
  count(set: SetName, keys: readonly (readonly number[])[]): readonly (Count | null)[] {
    return this.#readAs(set, keys, countsIn);
  }

  #readAs<T>(
    set: SetName,
    keys: readonly (readonly number[])[],
    parse: (body: Uint8Array) => readonly T[],
  ): readonly (T | null)[] {
    const found: (T | null)[] = [];
    let atOnce = KEYS_AT_ONCE;
    while (found.length < keys.length) {
      const some = keys.slice(found.length, found.length + atOnce);
      const wanted = found.length + some.length;
      this.#exchange.ask(nft.NFT_MSG_GETSETELEM, (out) => {
        writeList(out, set, () => some.forEach((key) => writeKey(out, key)));
      }, (message) => found.push(...parse(message.body)));
      // The kernel answers in order and stops at the first that it does not have; where one is
      // missing, more are likely to be.
      const isWhole = found.length === wanted;
      if (!isWhole) found.push(null);
      atOnce = isWhole ? Math.min(KEYS_AT_ONCE, atOnce * 2) : Math.ceil(atOnce / 4);
    }
    return found;
  }

  /** All elements of a set. Throws if it cannot be read while nothing changes it. */
  dump(set: string): readonly Dumped[] {
    return this.collect(set, (element) => element);
  }

  /** What `take` makes of each element of a set, nothing where it makes null. Throws as `dump`. */
  collect<T>(set: string, take: (element: Dumped) => T | null): readonly T[] {
    const found = this.collectIfThere(set, take);
    if (found === null) throw new Error(`There is no set "${set}" in table ip ${TABLE}`);
    return found;
  }

  /**
   * As `collect`; null if there is no such set. While the set keeps changing `take` may be given an
   * element again.
   */
  collectIfThere<T>(set: string, take: (element: Dumped) => T | null): readonly T[] | null {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const found: T[] = [];
      const end = this.#exchange.dump(nft.NFT_MSG_GETSETELEM, (out) => {
        out.text(nft.NFTA_SET_ELEM_LIST_TABLE, TABLE);
        out.text(nft.NFTA_SET_ELEM_LIST_SET, set);
      }, ({ body }) => {
        for (const element of elementsIn(body)) {
          const taken = take(element);
          if (taken !== null) found.push(taken);
        }
      });
      if (end === "whole") return found;
      if (end === "absent") return null;
    }
    throw new Error(`Cannot read the set "${set}" of table ip ${TABLE}: it keeps changing`);
  }

  /** All elements of a set, a part at a time and as they are met. Uses up the exchange meanwhile. */
  async *dumpSlowly(set: string): AsyncGenerator<readonly Dumped[]> {
    const parts = this.#exchange.dumpSlowly(nft.NFT_MSG_GETSETELEM, (out) => {
      out.text(nft.NFTA_SET_ELEM_LIST_TABLE, TABLE);
      out.text(nft.NFTA_SET_ELEM_LIST_SET, set);
    });
    for await (const messages of parts) {
      yield messages.flatMap((message) => elementsIn(message.body));
    }
  }

  /** Add elements in one transaction; false if the kernel refused it. */
  add(elements: readonly Element[]): boolean {
    const errors = this.#exchange.transact((message) => {
      for (const set of SET_NAMES) {
        const own = elements.filter((element) => element.set === set);
        for (let at = 0; at < own.length; at += ADD_AT_ONCE) {
          writeAdditions(message, set, own.slice(at, at + ADD_AT_ONCE));
        }
      }
    });
    return errors.size === 0;
  }

  /** Delete elements by key; one that is gone already does not keep the others. */
  discard(set: string, keys: readonly (readonly number[])[]): void {
    if (keys.length === 0) return;
    if (keys.length <= KEYS_AT_ONCE && this.#delete(set, keys)) return;
    if (keys.length === 1) return;
    const half = Math.ceil(keys.length / 2);
    this.discard(set, keys.slice(0, half));
    this.discard(set, keys.slice(half));
  }

  #delete(set: string, keys: readonly (readonly number[])[]): boolean {
    return this.#exchange.transact((message) => {
      message({ type: nft.NFT_MSG_DELSETELEM }, (out) => {
        writeList(out, set, () => keys.forEach((key) => writeKey(out, key)));
      });
    }).size === 0;
  }

  /** What the elements have counted that edits take away and hand on. */
  #countsFor(edits: readonly Edit[]): ReadonlyMap<Element, Count> {
    const elements: Element[] = [];
    for (const { additions } of edits) {
      for (const { countsOf } of additions) elements.push(...countsOf);
    }
    if (elements.length === 0) return NO_COUNTS;
    const counts = new Map<Element, Count>();
    for (const set of SET_NAMES) {
      const own = elements.filter((element) => element.set === set);
      const found = this.count(set, own.map(({ key }) => key));
      own.forEach((element, i) => {
        const count = found[i];
        if (count) counts.set(element, count);
      });
    }
    return counts;
  }
}

function writeAdditions(message: WriteMessage, set: SetName, elements: readonly Element[]): void {
  const flags = nft.NLM_F_CREATE | nft.NLM_F_EXCL;
  message({ type: nft.NFT_MSG_NEWSETELEM, flags }, (out) => {
    writeList(out, set, () => elements.forEach((element) => writeElement(out, element, null)));
  });
}

function writeList(out: MessageWriter, set: string, items: () => void): void {
  const list = openElements(out, set);
  items();
  out.close(list);
}

/** Write an edit, one message for each run of elements of one set; yields the messages' numbers. */
function* writeEdit(
  message: WriteMessage,
  { deletions, additions }: Edit,
  counts: ReadonlyMap<Element, Count>,
): Generator<number> {
  for (const run of runs(deletions, (element) => element.set)) {
    yield message({ type: nft.NFT_MSG_DELSETELEM }, (out) => {
      writeList(out, run.set, () => run.items.forEach(({ key }) => writeKey(out, key)));
    });
  }
  for (const run of runs(additions, ({ element }) => element.set)) {
    yield message(
      { type: nft.NFT_MSG_NEWSETELEM, flags: nft.NLM_F_CREATE | nft.NLM_F_EXCL },
      (out) => {
        writeList(out, run.set, () => {
          for (const { element, countsOf, extra } of run.items) {
            writeElement(out, element, sumOf(countsOf, counts, extra));
          }
        });
      },
    );
  }
}

/** What elements have counted together, and more; null for nothing. */
function sumOf(
  elements: readonly Element[],
  counts: ReadonlyMap<Element, Count>,
  extra?: Count,
): Count | null {
  const found = elements.flatMap((element) => counts.get(element) ?? []);
  if (extra) found.push(extra);
  const packets = found.reduce((sum, count) => sum + count.packets, 0);
  return packets === 0
    ? null
    : { packets, bytes: found.reduce((sum, count) => sum + count.bytes, 0) };
}

function runs<T>(items: readonly T[], setOf: (item: T) => string): { set: string; items: T[] }[] {
  const found: { set: string; items: T[] }[] = [];
  for (const item of items) {
    const last = found.at(-1);
    if (last?.set === setOf(item)) last.items.push(item);
    else found.push({ set: setOf(item), items: [item] });
  }
  return found;
}
