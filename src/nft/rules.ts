import { learnOpen, leaveLaterFragments, relayLegs, relayOpen } from "./media_rules.ts";
import { MessageWriter } from "../netlink/message.ts";
import * as nft from "./protocol.ts";
import { RuleWriter } from "./rule_writer.ts";
import { legsTooBig, openTooBig } from "./too_big_rules.ts";
import { commentBytes, TABLE } from "./wire.ts";

/** A rule that nft text cannot say, by the comment that it carries in the kernel. */
export interface RawRule {
  readonly chain: "prerouting" | "too_big";
  readonly comment: string;
  readonly body: (rule: RuleWriter) => void;
}

/** The rules in the order in which a packet meets them, the common case first; first in their chains. */
export const RAW_RULES: readonly RawRule[] = [
  named("prerouting", "legs", relayLegs),
  named("prerouting", "later fragments", leaveLaterFragments),
  named("prerouting", "open RTP", learnOpen),
  named("prerouting", "open", relayOpen),
  named("too_big", "legs, UDP checksum", legsTooBig(true)),
  named("too_big", "legs, none", legsTooBig(false)),
  named("too_big", "open, UDP checksum", openTooBig(true)),
  named("too_big", "open, none", openTooBig(false)),
];

/** The comment tells rules of this version from those of another. */
function named(chain: RawRule["chain"], name: string, body: RawRule["body"]): RawRule {
  return { chain, comment: `${name} ${fingerprint(body)}`, body };
}

/** Write the attributes of a NFT_MSG_NEWRULE. */
export function writeRule(out: MessageWriter, { chain, comment, body }: RawRule): void {
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
