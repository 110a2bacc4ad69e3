import { latin1 } from "../base/latin1.ts";
import { NFGENMSG_BYTES, NLMSG_ERROR, NLMSG_HEADER_BYTES } from "./protocol.ts";

/*
 * What the kernel sends is trusted to be well meant, not to be well formed: every length is checked
 * against what holds it, and what does not fit ends the walk.
 */

/** A netlink message; `body` starts behind the header of its family, or at the error number of an NLMSG_ERROR. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly seq: number;
  readonly body: Uint8Array;
}

/** The messages of a received buffer; the header of their family has so many bytes, as nfgenmsg by default. */
export function* messages(
  bytes: Uint8Array,
  familyHeaderBytes = NFGENMSG_BYTES,
): Generator<Message> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < 16 || at + length > bytes.length) return;
    const type = view.getUint16(at + 4, true);
    const header = NLMSG_HEADER_BYTES + (type === NLMSG_ERROR ? 0 : familyHeaderBytes);
    yield {
      type,
      flags: view.getUint16(at + 6, true),
      seq: view.getUint32(at + 8, true),
      body: bytes.subarray(Math.min(at + header, at + length), at + length),
    };
    at += (length + 3) & ~3;
  }
}

/** The (positive) errno of an NLMSG_ERROR; 0 is an acknowledgement. */
export function errorOf(message: Message): number {
  return message.body.length < 4 ? 0 : -viewOf(message.body).getInt32(0, true);
}

/** The attributes of a message body or of a nested attribute, the last of each type. */
export function attributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const [type, value] of eachAttribute(bytes)) found.set(type, value);
  return found;
}

/** Every attribute in its order. */
export function* eachAttribute(bytes: Uint8Array): Generator<readonly [number, Uint8Array]> {
  const view = viewOf(bytes);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) return;
    yield [view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length)];
    at += (length + 3) & ~3;
  }
}

/** A big-endian 32-bit number, 0 if there are not four bytes. */
export function u32(bytes: Uint8Array | undefined, offset = 0): number {
  return bytes && bytes.length >= offset + 4 ? viewOf(bytes).getUint32(offset) : 0;
}

/** A big-endian 64-bit number as a double, exact to 2^53; 0 if there are not eight bytes. */
export function u64(bytes: Uint8Array | undefined): number {
  if (!bytes || bytes.length < 8) return 0;
  const view = viewOf(bytes);
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4);
}

/** Text up to its NUL, one character a byte. */
export function text(bytes: Uint8Array | undefined): string {
  if (!bytes) return "";
  const end = bytes.indexOf(0);
  return latin1(end < 0 ? bytes : bytes.subarray(0, end));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
