import { attributes, eachAttribute, messages, text } from "../../src/netlink/decode.ts";
import { MessageWriter } from "../../src/netlink/message.ts";
import * as nft from "../../src/nft/protocol.ts";
import { RAW_RULES, writeRule } from "../../src/nft/rules.ts";
import { commentOf } from "../../src/nft/wire.ts";

/**
 * The rules that nft text cannot say, an expression a line: its name and its attributes as
 * `type=value` in hexadecimal. `tests/golden/nft_rules.txt` holds them to it.
 */
export function rulesListing(): string {
  return RAW_RULES.map((rule) => {
    const out = new MessageWriter();
    out.begin(nft.NFT_MSG_NEWRULE, 0, 1);
    writeRule(out, rule);
    out.end();
    const [message] = [...messages(out.bytes())];
    return listRule(message?.body ?? new Uint8Array());
  }).join("\n");
}

function listRule(body: Uint8Array): string {
  const rule = attributes(body);
  const where = [rule.get(nft.NFTA_RULE_TABLE), rule.get(nft.NFTA_RULE_CHAIN)].map(text).join(" ");
  const comment = commentOf(rule.get(nft.NFTA_RULE_USERDATA)) ?? "";
  const expressions = rule.get(nft.NFTA_RULE_EXPRESSIONS) ?? new Uint8Array();
  const lines = [...eachAttribute(expressions)].map(([, value]) => `  ${listExpression(value)}\n`);
  return `${where}: ${comment}\n${lines.join("")}`;
}

function listExpression(bytes: Uint8Array): string {
  const expression = attributes(bytes);
  const data = expression.get(nft.NFTA_EXPR_DATA) ?? new Uint8Array();
  const fields = [...eachAttribute(data)].map(([type, value]) => `${type}=${hex(value)}`);
  return [text(expression.get(nft.NFTA_EXPR_NAME)), ...fields].join(" ");
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
