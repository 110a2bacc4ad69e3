import type { FlowCount } from "../core/backend.ts";
import type { Element } from "./elements.ts";
import { text } from "../netlink/decode.ts";
import type { MessageWriter } from "../netlink/message.ts";
import * as nft from "./protocol.ts";

/** The table that holds everything. */
export const TABLE = "lrkproxy";

/** Packets and bytes of an element. */
export type Count = Pick<FlowCount, "packets" | "bytes">;

/** Begin the list of elements of a message about `set`; close both answers, inner first. */
export function openElements(writer: MessageWriter, set: string): number {
  writer.text(nft.NFTA_SET_ELEM_LIST_TABLE, TABLE);
  writer.text(nft.NFTA_SET_ELEM_LIST_SET, set);
  return writer.open(nft.NFTA_SET_ELEM_LIST_ELEMENTS);
}

/** Write the key of an element, and nothing else of it. */
export function writeKey(writer: MessageWriter, key: readonly number[]): void {
  const item = writer.open(nft.NFTA_LIST_ELEM);
  writeValue(writer, nft.NFTA_SET_ELEM_KEY, key);
  writer.close(item);
}

/** Write a whole element. A count is written only where there is something to start from. */
export function writeElement(writer: MessageWriter, element: Element, count: Count | null): void {
  const item = writer.open(nft.NFTA_LIST_ELEM);
  writeValue(writer, nft.NFTA_SET_ELEM_KEY, element.key);
  if (element.data) writeValue(writer, nft.NFTA_SET_ELEM_DATA, element.data);
  if (count) writeCount(writer, count);
  if (element.comment !== null) {
    writer.raw(nft.NFTA_SET_ELEM_USERDATA, commentBytes(element.comment));
  }
  writer.close(item);
}

/** Write an element of an interval set; both ends belong to it. */
export function writeRange(
  writer: MessageWriter,
  key: readonly number[],
  keyEnd: readonly number[],
): void {
  const item = writer.open(nft.NFTA_LIST_ELEM);
  writeValue(writer, nft.NFTA_SET_ELEM_KEY, key);
  writeValue(writer, nft.NFTA_SET_ELEM_KEY_END, keyEnd);
  writer.close(item);
}

function writeValue(writer: MessageWriter, type: number, words: readonly number[]): void {
  const value = writer.open(type);
  writer.words(nft.NFTA_DATA_VALUE, words);
  writer.close(value);
}

function writeCount(writer: MessageWriter, { packets, bytes }: Count): void {
  const expression = writer.open(nft.NFTA_SET_ELEM_EXPR);
  writer.text(nft.NFTA_EXPR_NAME, "counter");
  const data = writer.open(nft.NFTA_EXPR_DATA);
  writer.u64(nft.NFTA_COUNTER_BYTES, bytes);
  writer.u64(nft.NFTA_COUNTER_PACKETS, packets);
  writer.close(data);
  writer.close(expression);
}

/** A comment in libnftnl's type-length-value form, as nft shows it. */
export function commentBytes(comment: string): Uint8Array {
  const bytes = new Uint8Array(comment.length + 3);
  bytes[0] = nft.NFTNL_UDATA_COMMENT;
  bytes[1] = comment.length + 1;
  for (let i = 0; i < comment.length; i++) bytes[2 + i] = comment.charCodeAt(i);
  return bytes;
}

/** The comment in userdata, null if there is none. */
export function commentOf(userdata: Uint8Array | undefined): string | null {
  if (!userdata) return null;
  for (let at = 0; at + 2 <= userdata.length;) {
    const length = userdata[at + 1] ?? 0;
    const value = userdata.subarray(at + 2, at + 2 + length);
    if (userdata[at] === nft.NFTNL_UDATA_COMMENT) return text(value);
    at += 2 + length;
  }
  return null;
}
