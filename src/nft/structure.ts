import { errorText } from "../base/libc.ts";
import type { GuardedRange, Totals } from "../core/backend.ts";
import { attributes, eachAttribute, text, u32, u64 } from "../netlink/decode.ts";
import type { Dumped } from "./dumped.ts";
import { portWord } from "./elements.ts";
import type { Errors, Exchange } from "./exchange.ts";
import * as nft from "./protocol.ts";
import { RAW_RULES, writeRule } from "./rules.ts";
import { commentOf, type Count, openElements, TABLE, writeRange } from "./wire.ts";

/** The comment of the table in `nft/lrkproxy.nft`: a table with another one is not understood. */
export const LAYOUT = "lrkproxy layout 2";

/** How many rules `nft/lrkproxy.nft` itself has, by chain. */
const TEXT_RULES: Readonly<Record<string, number>> = {
  prerouting: 3,
  output: 1,
  guard: 2,
  "too_big": 0,
};

/** A rule in the kernel. */
export interface RuleInfo {
  readonly chain: string;
  /** The handle as netlink carries it. */
  readonly handle: Uint8Array;
  readonly comment: string | null;
  /** What its counter has counted; null if it has none. */
  readonly count: Count | null;
}

/** The comment of our table; null if there is no such table. */
export function readLayout(exchange: Exchange): string | null {
  let layout: string | null = null;
  exchange.ask(nft.NFT_MSG_GETTABLE, (out) => out.text(nft.NFTA_TABLE_NAME, TABLE), ({ body }) => {
    layout = commentOf(attributes(body).get(nft.NFTA_TABLE_USERDATA)) ?? "";
  });
  return layout;
}

/** How many elements a set has room for; null if there is no such set. */
export function readCapacity(exchange: Exchange, set: string): number | null {
  let capacity: number | null = null;
  exchange.ask(nft.NFT_MSG_GETSET, (out) => {
    out.text(nft.NFTA_SET_TABLE, TABLE);
    out.text(nft.NFTA_SET_NAME, set);
  }, ({ body }) => {
    const description = attributes(body).get(nft.NFTA_SET_DESC);
    capacity = description ? u32(attributes(description).get(nft.NFTA_SET_DESC_SIZE)) : 0;
  });
  return capacity;
}

/** The rules of our table in their order. */
export function readRules(exchange: Exchange): readonly RuleInfo[] {
  const rules: RuleInfo[] = [];
  exchange.dump(nft.NFT_MSG_GETRULE, (out) => out.text(nft.NFTA_RULE_TABLE, TABLE), ({ body }) => {
    const rule = attributes(body);
    if (text(rule.get(nft.NFTA_RULE_TABLE)) !== TABLE) return;
    rules.push({
      chain: text(rule.get(nft.NFTA_RULE_CHAIN)),
      handle: (rule.get(nft.NFTA_RULE_HANDLE) ?? new Uint8Array(8)).slice(),
      comment: commentOf(rule.get(nft.NFTA_RULE_USERDATA)),
      count: countIn(rule.get(nft.NFTA_RULE_EXPRESSIONS)),
    });
  });
  return rules;
}

/** The count of the first counter among a rule's expressions. */
function countIn(expressions: Uint8Array | undefined): Count | null {
  for (const [, item] of eachAttribute(expressions ?? new Uint8Array())) {
    const expression = attributes(item);
    if (text(expression.get(nft.NFTA_EXPR_NAME)) !== "counter") continue;
    const data = attributes(expression.get(nft.NFTA_EXPR_DATA) ?? new Uint8Array());
    return {
      packets: u64(data.get(nft.NFTA_COUNTER_PACKETS)),
      bytes: u64(data.get(nft.NFTA_COUNTER_BYTES)),
    };
  }
  return null;
}

/** What the rules have done with all packets so far. */
export function totalsOf(rules: readonly RuleInfo[]): Totals {
  const sum = (isOne: (rule: RuleInfo) => boolean): Count => {
    const counts = rules.filter(isOne).flatMap(({ count }) => count ?? []);
    return {
      packets: counts.reduce((total, { packets }) => total + packets, 0),
      bytes: counts.reduce((total, { bytes }) => total + bytes, 0),
    };
  };
  return {
    relayed: sum(({ chain, comment }) => chain === "prerouting" && comment !== null),
    held: sum(({ chain, comment }) => chain === "prerouting" && comment === null),
    refused: sum(({ chain }) => chain === "guard"),
  };
}

/** `complete`: as this version makes them. `raw-missing`: ours are to be put in. */
export type RuleState = "complete" | "raw-missing" | "broken";

/** What state the rules of our table are in. */
export function stateOf(rules: readonly RuleInfo[]): RuleState {
  for (const [chain, expected] of Object.entries(TEXT_RULES)) {
    const count = rules.filter((rule) => rule.chain === chain && rule.comment === null).length;
    if (count !== expected) return "broken";
  }
  for (const chain of new Set(RAW_RULES.map((rule) => rule.chain))) {
    const comments = rules.filter((rule) => rule.chain === chain).map((rule) => rule.comment);
    const wanted = RAW_RULES.filter((rule) => rule.chain === chain).map((rule) => rule.comment);
    const isFirst = comments.slice(0, wanted.length).join() === wanted.join();
    const isAll = comments.filter((comment) => comment !== null).length === wanted.length;
    if (!isFirst || !isAll) return "raw-missing";
  }
  return "complete";
}

/** Put our rules first in their chains in place of older ones of ours, without a gap. */
export function replaceRawRules(exchange: Exchange, rules: readonly RuleInfo[]): void {
  const old = rules.filter((rule) => rule.comment !== null);
  expectNone(
    exchange.transact((message) => {
      // Each one is inserted before the first rule, so the last one comes first.
      for (const rule of RAW_RULES.toReversed()) {
        message({ type: nft.NFT_MSG_NEWRULE, flags: nft.NLM_F_CREATE }, (out) => {
          writeRule(out, rule);
        });
      }
      for (const { chain, handle } of old) {
        message({ type: nft.NFT_MSG_DELRULE }, (out) => {
          out.text(nft.NFTA_RULE_TABLE, TABLE);
          out.text(nft.NFTA_RULE_CHAIN, chain);
          out.raw(nft.NFTA_RULE_HANDLE, handle);
        });
      }
    }),
    "install the rules",
  );
}

/** Make `ranges` the only ones that are guarded; `old` are the elements of `relay_ports`. */
export function replaceRanges(
  exchange: Exchange,
  old: readonly Dumped[],
  ranges: readonly GuardedRange[],
): void {
  const wanted = ranges.map(({ address, startPort, endPort }) => ({
    key: [address, portWord(startPort)],
    keyEnd: [address, portWord(endPort)],
  }));
  const write = (items: readonly Pick<Dumped, "key" | "keyEnd">[]) => {
    return (out: Parameters<typeof openElements>[0]): void => {
      const list = openElements(out, "relay_ports");
      for (const { key, keyEnd } of items) writeRange(out, key, keyEnd ?? key);
      out.close(list);
    };
  };
  expectNone(
    exchange.transact((message) => {
      if (old.length > 0) message({ type: nft.NFT_MSG_DELSETELEM }, write(old));
      if (wanted.length === 0) return;
      message({ type: nft.NFT_MSG_NEWSETELEM, flags: nft.NLM_F_CREATE }, write(wanted));
    }),
    "guard the relay's ports",
  );
}

/** Delete our table if it is there. */
export function deleteTable(exchange: Exchange): void {
  if (readLayout(exchange) === null) return;
  expectNone(
    exchange.transact((message) => {
      message({ type: nft.NFT_MSG_DELTABLE }, (out) => out.text(nft.NFTA_TABLE_NAME, TABLE));
    }),
    "delete the table",
  );
}

/** The number of transactions that nf_tables has seen in this network namespace. */
export function readGeneration(exchange: Exchange): number {
  let generation = 0;
  exchange.ask(nft.NFT_MSG_GETGEN, () => {}, ({ body }) => {
    generation = u32(attributes(body).get(nft.NFTA_GEN_ID));
  });
  return generation;
}

function expectNone(errors: Errors, action: string): void {
  for (const code of errors.values()) {
    throw new Error(`Cannot ${action} in table ip ${TABLE}: ${errorText(code)}`);
  }
}
