import {
  NFGENMSG_BYTES,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO_IPV4,
  NLM_F_ACK,
  NLM_F_REQUEST,
  NLMSG_HEADER_BYTES,
} from "./protocol.ts";

const NLA_F_NESTED = 0x8000;

/** Writes netlink messages one behind the other into one buffer, which grows and is used again. */
export class MessageWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #start = 0;

  /** Forget what was written. */
  reset(): void {
    this.#at = 0;
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#at;
  }

  /** What has been written; valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begin an nf_tables message of the ip family. `seq` comes back in its acknowledgement. */
  begin(type: number, flags: number, seq: number): void {
    this.#header({ type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, seq }, NFGENMSG_BYTES);
    this.#bytes[this.#start + NLMSG_HEADER_BYTES] = NFPROTO_IPV4;
  }

  /** Begin a message of another family, whose header is `family`. */
  beginWith(
    message: { readonly type: number; readonly flags: number; readonly seq: number },
    family: Uint8Array,
  ): void {
    this.#header(message, family.length);
    this.#bytes.set(family, this.#start + NLMSG_HEADER_BYTES);
  }

  /** Begin a transaction. */
  batchBegin(seq: number): void {
    this.#batchMark(NFNL_MSG_BATCH_BEGIN, seq);
  }

  /** Commit a transaction. */
  batchEnd(seq: number): void {
    this.#batchMark(NFNL_MSG_BATCH_END, seq);
  }

  /** End the message begun last. */
  end(): void {
    this.#view.setUint32(this.#start, this.#at - this.#start, true);
  }

  /** Ask for an acknowledgement of the message ended last. */
  acknowledge(): void {
    const flags = this.#view.getUint16(this.#start + 6, true);
    this.#view.setUint16(this.#start + 6, flags | NLM_F_ACK, true);
  }

  /** Begin a nested attribute; give the answer to {@link close}. */
  open(type: number): number {
    this.#reserve(4);
    const start = this.#at;
    this.#view.setUint16(start + 2, type | NLA_F_NESTED, true);
    this.#at += 4;
    return start;
  }

  /** End a nested attribute. It must not pass 65,535 bytes. */
  close(start: number): void {
    this.#view.setUint16(start, this.#at - start, true);
  }

  /** A NUL-terminated ASCII string. */
  text(type: number, text: string): void {
    const start = this.#attribute(type, text.length + 1);
    for (let i = 0; i < text.length; i++) this.#bytes[start + i] = text.charCodeAt(i);
  }

  /** Raw bytes. */
  raw(type: number, bytes: Uint8Array): void {
    const at = this.#attribute(type, bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Big-endian 32-bit words. */
  words(type: number, words: readonly number[]): void {
    let at = this.#attribute(type, words.length * 4);
    for (const word of words) {
      this.#view.setUint32(at, word);
      at += 4;
    }
  }

  /** A big-endian 32-bit number, as nf_tables wants all of its own. */
  u32(type: number, value: number): void {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value);
  }

  /** A big-endian 64-bit number. */
  u64(type: number, value: number): void {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, BigInt(value));
  }

  /** The answer is where the value goes. The buffer may be another one afterwards. */
  #attribute(type: number, length: number): number {
    const padded = (length + 3) & ~3;
    this.#reserve(4 + padded);
    const start = this.#at;
    this.#view.setUint16(start, 4 + length, true);
    this.#view.setUint16(start + 2, type, true);
    this.#view.setUint32(start + padded, 0, true);
    this.#at = start + 4 + padded;
    return start + 4;
  }

  #batchMark(type: number, seq: number): void {
    this.#header({ type, flags: 0, seq }, NFGENMSG_BYTES);
    this.#view.setUint16(this.#start + 18, NFNL_SUBSYS_NFTABLES);
    this.end();
  }

  #header(
    { type, flags, seq }: { type: number; flags: number; seq: number },
    familyBytes: number,
  ): void {
    const length = NLMSG_HEADER_BYTES + familyBytes;
    this.#reserve(length);
    this.#start = this.#at;
    this.#bytes.fill(0, this.#start, this.#start + length);
    this.#view.setUint16(this.#start + 4, type, true);
    this.#view.setUint16(this.#start + 6, flags | NLM_F_REQUEST, true);
    this.#view.setUint32(this.#start + 8, seq, true);
    this.#at += length;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
