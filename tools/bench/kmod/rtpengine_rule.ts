/**
 * Writes the transaction that hooks rtpengine's module, in its versions for nftables, whose expression
 * nft text cannot say:
 *
 *     rtpengine_rule.ts FILE
 *
 * FILE is for replay.c, as record_nft.ts's are. The chain, `rtpengine` in `table ip filter`, is to be a base
 * chain, which is the shortest of the ways that its daemon knows.
 */
import { MessageWriter } from "../../../src/netlink/message.ts";
import * as nft from "../../../src/nft/protocol.ts";

/** RTPEA_RTPENGINE_TABLE, which is in host order: 0 is the same in any. */
const TABLE = 1;

const [file = ""] = Deno.args;
const out = new MessageWriter();
out.batchBegin(0);
out.begin(nft.NFT_MSG_NEWRULE, nft.NLM_F_CREATE, 1);
out.text(nft.NFTA_RULE_TABLE, "filter");
out.text(nft.NFTA_RULE_CHAIN, "rtpengine");
const expressions = out.open(nft.NFTA_RULE_EXPRESSIONS);
const item = out.open(nft.NFTA_LIST_ELEM);
out.text(nft.NFTA_EXPR_NAME, "rtpengine");
const data = out.open(nft.NFTA_EXPR_DATA);
out.u32(TABLE, 0);
out.close(data);
out.close(item);
out.close(expressions);
out.end();
out.batchEnd(2);
const length = new Uint8Array(Uint32Array.of(out.length).buffer);
await Deno.writeFile(file, new Blob([length, out.bytes()]).stream());
