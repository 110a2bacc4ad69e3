import type { SetName } from "./elements.ts";
import { MessageWriter } from "./message.ts";
import * as nft from "./protocol.ts";
import { commentBytes, TABLE } from "./wire.ts";

/*
 * The rules that nft text cannot say: look a flow up once and rewrite the packet with what was found.
 * Numbers are those of linux/netfilter/nf_tables.h.
 */

const EXPR = {
  meta: { DREG: 1, KEY: 2, L4PROTO: 16 },
  cmp: { SREG: 1, OP: 2, DATA: 3, EQ: 0 },
  payload: { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4, SREG: 5, CSUM_TYPE: 6, CSUM_OFFSET: 7, FLAGS: 8 },
  lookup: { SET: 1, SREG: 2, DREG: 3 },
  bitwise: { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5 },
  dynset: { SET: 1, OP: 3, SREG_KEY: 4, SREG_DATA: 5, ADD: 0 },
  immediate: { DREG: 1, DATA: 2 },
} as const;

const NETWORK = 1;
const TRANSPORT = 2;
const CSUM_INET = 1;
const CSUM_PSEUDOHEADER = 1;
const REG_VERDICT = 0;
const NF_ACCEPT = 1;
/** The n-th 32-bit register; a concatenation fills one after the other. */
const reg = (n: number): number => 8 + n;
/** Where the look-up leaves source address, destination address and port pair. */
const FOUND = 4;
const SOURCE_PORT = 7;

const IP_CHECKSUM_OFFSET = 10;
const IP_ADDRESSES_OFFSET = 12;
const RTP_OFFSET = 8;

/** Writes the expressions of one rule. */
class RuleWriter {
  readonly #out: MessageWriter;

  constructor(out: MessageWriter) {
    this.#out = out;
  }

  expression(name: string, body: (out: MessageWriter) => void): this {
    const out = this.#out;
    const item = out.open(nft.NFTA_LIST_ELEM);
    out.text(nft.NFTA_EXPR_NAME, name);
    const data = out.open(nft.NFTA_EXPR_DATA);
    body(out);
    out.close(data);
    out.close(item);
    return this;
  }

  isUdp(): this {
    return this.expression("meta", (out) => {
      out.u32(EXPR.meta.DREG, reg(0));
      out.u32(EXPR.meta.KEY, EXPR.meta.L4PROTO);
    }).compare(0, EXPR.cmp.EQ, [17]);
  }

  compare(register: number, operator: number, bytes: readonly number[]): this {
    return this.expression("cmp", (out) => {
      out.u32(EXPR.cmp.SREG, reg(register));
      out.u32(EXPR.cmp.OP, operator);
      value(out, EXPR.cmp.DATA, bytes);
    });
  }

  load(register: number, base: number, offset: number, length: number): this {
    return this.expression("payload", (out) => {
      out.u32(EXPR.payload.DREG, reg(register));
      out.u32(EXPR.payload.BASE, base);
      out.u32(EXPR.payload.OFFSET, offset);
      out.u32(EXPR.payload.LEN, length);
    });
  }

  /** Load source and destination address. Four bytes at a time take nft's short way. */
  loadAddresses(): this {
    return this.load(0, NETWORK, IP_ADDRESSES_OFFSET, 4).load(
      1,
      NETWORK,
      IP_ADDRESSES_OFFSET + 4,
      4,
    );
  }

  lookUp(set: SetName): this {
    return this.expression("lookup", (out) => {
      out.text(EXPR.lookup.SET, set);
      out.u32(EXPR.lookup.SREG, reg(0));
      out.u32(EXPR.lookup.DREG, reg(FOUND));
    });
  }

  /**
   * Count the packet, rewrite addresses and ports from what was found, and let it be routed. Both writes mend
   * the UDP checksum as a change to the pseudo-header, which leaves one of 0 alone: it says that
   * the sender made none (RFC 768). A checksum to mend named by offset would be made invalid.
   */
  rewrite(): this {
    return this.expression("counter", () => {}).expression("notrack", () => {}).expression(
      "payload",
      (
        out,
      ) => {
        write(out, FOUND, NETWORK, IP_ADDRESSES_OFFSET, 8);
        out.u32(EXPR.payload.CSUM_TYPE, CSUM_INET);
        out.u32(EXPR.payload.CSUM_OFFSET, IP_CHECKSUM_OFFSET);
        out.u32(EXPR.payload.FLAGS, CSUM_PSEUDOHEADER);
      },
    ).expression("payload", (out) => {
      write(out, FOUND + 2, TRANSPORT, 0, 4);
      out.u32(EXPR.payload.FLAGS, CSUM_PSEUDOHEADER);
    }).expression("immediate", (out) => {
      out.u32(EXPR.immediate.DREG, REG_VERDICT);
      const data = out.open(EXPR.immediate.DATA);
      const verdict = out.open(nft.NFTA_DATA_VERDICT);
      out.u32(nft.NFTA_VERDICT_CODE, NF_ACCEPT);
      out.close(verdict);
      out.close(data);
    });
  }

  /** RTP and RTCP carry version 2 in their first two bits (RFC 3550). */
  isRtp(): this {
    return this.load(FOUND, TRANSPORT, RTP_OFFSET, 1).expression("bitwise", (out) => {
      out.u32(EXPR.bitwise.SREG, reg(FOUND));
      out.u32(EXPR.bitwise.DREG, reg(FOUND));
      out.u32(EXPR.bitwise.LEN, 1);
      value(out, EXPR.bitwise.MASK, [0xc0]);
      value(out, EXPR.bitwise.XOR, [0]);
    }).compare(FOUND, EXPR.cmp.EQ, [0x80]);
  }

  /** Note the source port under the key that was looked up, unless one is noted already. */
  learn(): this {
    return this.load(SOURCE_PORT, TRANSPORT, 0, 2).expression("dynset", (out) => {
      out.text(EXPR.dynset.SET, "learned");
      out.u32(EXPR.dynset.OP, EXPR.dynset.ADD);
      out.u32(EXPR.dynset.SREG_KEY, reg(0));
      out.u32(EXPR.dynset.SREG_DATA, reg(SOURCE_PORT));
    });
  }
}

function value(out: MessageWriter, type: number, bytes: readonly number[]): void {
  const data = out.open(type);
  out.raw(nft.NFTA_DATA_VALUE, Uint8Array.from(bytes));
  out.close(data);
}

function write(
  out: MessageWriter,
  register: number,
  base: number,
  offset: number,
  length: number,
): void {
  out.u32(EXPR.payload.SREG, reg(register));
  out.u32(EXPR.payload.BASE, base);
  out.u32(EXPR.payload.OFFSET, offset);
  out.u32(EXPR.payload.LEN, length);
}

/** Flows with a locked port: the whole four-tuple is the key. */
function relayLegs(rule: RuleWriter): void {
  rule.isUdp().loadAddresses().load(2, TRANSPORT, 0, 2).load(3, TRANSPORT, 2, 2).lookUp("legs")
    .rewrite();
}

/** Flows that take any remote port. */
function relayOpen(rule: RuleWriter): void {
  rule.isUdp().loadAddresses().load(2, TRANSPORT, 2, 2).lookUp("open").rewrite();
}

/** The same for RTP, which shows the port to lock. A look-up counts, so there is one a packet. */
function learnOpen(rule: RuleWriter): void {
  rule.isUdp().isRtp().loadAddresses().load(2, TRANSPORT, 2, 2).lookUp("open").learn().rewrite();
}

/** A rule by the comment that it carries in the kernel. */
export interface RawRule {
  readonly comment: string;
  readonly body: (rule: RuleWriter) => void;
}

/** The rules in the order in which a packet meets them, the common case first. */
export const RAW_RULES: readonly RawRule[] = [
  named("legs", relayLegs),
  named("open RTP", learnOpen),
  named("open", relayOpen),
];

/** The comment tells rules of this version from those of another. */
function named(name: string, body: RawRule["body"]): RawRule {
  return { comment: `${name} ${fingerprint(body)}`, body };
}

/** Write the attributes of a NFT_MSG_NEWRULE. */
export function writeRule(out: MessageWriter, chain: string, { comment, body }: RawRule): void {
  out.text(nft.NFTA_RULE_TABLE, TABLE);
  out.text(nft.NFTA_RULE_CHAIN, chain);
  const expressions = out.open(nft.NFTA_RULE_EXPRESSIONS);
  body(new RuleWriter(out));
  out.close(expressions);
  out.raw(nft.NFTA_RULE_USERDATA, commentBytes(comment));
}

/** Eight hexadecimal digits that change whenever the rule does. */
function fingerprint(body: RawRule["body"]): string {
  const out = new MessageWriter();
  body(new RuleWriter(out));
  let hash = 0x811c9dc5;
  for (const byte of out.bytes()) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
