import type { SetName } from "./elements.ts";
import type { MessageWriter } from "../netlink/message.ts";
import * as nft from "./protocol.ts";

/*
 * Writes rules as the bytecode that they are in the kernel. Numbers are those of
 * linux/netfilter/nf_tables.h.
 */

const EXPR = {
  meta: { DREG: 1, KEY: 2, IIF: 4, L4PROTO: 16 },
  cmp: { SREG: 1, OP: 2, DATA: 3 },
  payload: { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4, SREG: 5, CSUM_TYPE: 6, CSUM_OFFSET: 7, FLAGS: 8 },
  lookup: { SET: 1, SREG: 2, DREG: 3 },
  bitwise: { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5, OP: 6, DATA: 7, RSHIFT: 2 },
  dynset: { SET: 1, OP: 3, SREG_KEY: 4, SREG_DATA: 5 },
  immediate: { DREG: 1, DATA: 2 },
} as const;

const CSUM_INET = 1;
const CSUM_PSEUDOHEADER = 1;
const REG_VERDICT = 0;
const NF_ACCEPT = 1;
const IPPROTO_UDP = 17;

/** Where in a packet: in its network header or its transport header, so many bytes from its start. */
export interface Field {
  readonly base: typeof NETWORK | typeof TRANSPORT;
  readonly offset: number;
  readonly length: number;
}

export const NETWORK = 1;
export const TRANSPORT = 2;

/** Comparisons, and what a rule does with an element of a set. */
export const EQUAL = 0;
export const UNEQUAL = 1;
export const ADD = 0;
export const UPDATE = 1;

/** A field of the network header. */
export function inNetwork(offset: number, length: number): Field {
  return { base: NETWORK, offset, length };
}

/** A field of the transport header and what follows it. */
export function inTransport(offset: number, length: number): Field {
  return { base: TRANSPORT, offset, length };
}

/**
 * Which checksum a write keeps right: that of UDP or TCP over the pseudo-header, which leaves a UDP checksum of 0
 * alone (the sender made none, RFC 768); the one at an offset from the same base; or both.
 */
export interface Upkeep {
  readonly pseudoHeader?: boolean;
  readonly at?: number;
}

/** The n-th 32-bit register; a concatenation fills one after the other. */
const reg = (n: number): number => 8 + n;

/** Writes the expressions of one rule. Registers are 32 bits wide and numbered from 0. */
export class RuleWriter {
  readonly #out: MessageWriter;

  constructor(out: MessageWriter) {
    this.#out = out;
  }

  isUdp(): this {
    return this.#expression("meta", (out) => {
      out.u32(EXPR.meta.DREG, reg(0));
      out.u32(EXPR.meta.KEY, EXPR.meta.L4PROTO);
    }).compare(0, EQUAL, [IPPROTO_UDP]);
  }

  /** Go on with this rule only if a register begins like this. */
  compare(
    register: number,
    operator: typeof EQUAL | typeof UNEQUAL,
    bytes: readonly number[],
  ): this {
    return this.#expression("cmp", (out) => {
      out.u32(EXPR.cmp.SREG, reg(register));
      out.u32(EXPR.cmp.OP, operator);
      value(out, EXPR.cmp.DATA, bytes);
    });
  }

  /** Load a field. Up to four bytes at a time take nft's short way. */
  load(register: number, { base, offset, length }: Field): this {
    return this.#expression("payload", (out) => {
      out.u32(EXPR.payload.DREG, reg(register));
      out.u32(EXPR.payload.BASE, base);
      out.u32(EXPR.payload.OFFSET, offset);
      out.u32(EXPR.payload.LEN, length);
    });
  }

  /** Load the index of the interface that the packet came in by. */
  loadArrival(register: number): this {
    return this.#expression("meta", (out) => {
      out.u32(EXPR.meta.DREG, reg(register));
      out.u32(EXPR.meta.KEY, EXPR.meta.IIF);
    });
  }

  /** Keep only the bits of a mask. */
  mask(register: number, mask: readonly number[]): this {
    return this.#expression("bitwise", (out) => {
      out.u32(EXPR.bitwise.SREG, reg(register));
      out.u32(EXPR.bitwise.DREG, reg(register));
      out.u32(EXPR.bitwise.LEN, mask.length);
      value(out, EXPR.bitwise.MASK, mask);
      value(out, EXPR.bitwise.XOR, mask.map(() => 0));
    });
  }

  /** Copy the last two bytes of a register to the front of another one; the machine is little-endian. */
  secondHalf(from: number, to: number): this {
    return this.#expression("bitwise", (out) => {
      out.u32(EXPR.bitwise.SREG, reg(from));
      out.u32(EXPR.bitwise.DREG, reg(to));
      out.u32(EXPR.bitwise.LEN, 4);
      out.u32(EXPR.bitwise.OP, EXPR.bitwise.RSHIFT);
      value(out, EXPR.bitwise.DATA, [16, 0, 0, 0]);
    });
  }

  /** Go on only if a map has the key that begins in register 0; what it says goes to `found` and on. */
  lookUp(set: SetName, found: number): this {
    return this.#expression("lookup", (out) => {
      out.text(EXPR.lookup.SET, set);
      out.u32(EXPR.lookup.SREG, reg(0));
      out.u32(EXPR.lookup.DREG, reg(found));
    });
  }

  /** Put the key that begins in `key` into a set, with the data in register `data` if it is a map. */
  note(
    set: string,
    operation: typeof ADD | typeof UPDATE,
    { key, data }: { readonly key: number; readonly data?: number },
  ): this {
    return this.#expression("dynset", (out) => {
      out.text(EXPR.dynset.SET, set);
      out.u32(EXPR.dynset.OP, operation);
      out.u32(EXPR.dynset.SREG_KEY, reg(key));
      if (data !== undefined) out.u32(EXPR.dynset.SREG_DATA, reg(data));
    });
  }

  /** Write what a register and those behind it hold into the packet. */
  write(register: number, { base, offset, length }: Field, { pseudoHeader, at }: Upkeep): this {
    return this.#expression("payload", (out) => {
      out.u32(EXPR.payload.SREG, reg(register));
      out.u32(EXPR.payload.BASE, base);
      out.u32(EXPR.payload.OFFSET, offset);
      out.u32(EXPR.payload.LEN, length);
      if (at !== undefined) {
        out.u32(EXPR.payload.CSUM_TYPE, CSUM_INET);
        out.u32(EXPR.payload.CSUM_OFFSET, at);
      }
      if (pseudoHeader) out.u32(EXPR.payload.FLAGS, CSUM_PSEUDOHEADER);
    });
  }

  count(): this {
    return this.#expression("counter", () => {});
  }

  notrack(): this {
    return this.#expression("notrack", () => {});
  }

  accept(): this {
    return this.#expression("immediate", (out) => {
      out.u32(EXPR.immediate.DREG, REG_VERDICT);
      const data = out.open(EXPR.immediate.DATA);
      const verdict = out.open(nft.NFTA_DATA_VERDICT);
      out.u32(nft.NFTA_VERDICT_CODE, NF_ACCEPT);
      out.close(verdict);
      out.close(data);
    });
  }

  #expression(name: string, body: (out: MessageWriter) => void): this {
    const out = this.#out;
    const item = out.open(nft.NFTA_LIST_ELEM);
    out.text(nft.NFTA_EXPR_NAME, name);
    const data = out.open(nft.NFTA_EXPR_DATA);
    body(out);
    out.close(data);
    out.close(item);
    return this;
  }
}

function value(out: MessageWriter, type: number, bytes: readonly number[]): void {
  const data = out.open(type);
  out.raw(nft.NFTA_DATA_VALUE, Uint8Array.from(bytes));
  out.close(data);
}
