import assert from "node:assert/strict";
import golden from "../../tests/golden/nft_rules.txt" with { type: "text" };
import { rulesListing } from "../../tests/support/rules_listing.ts";
import { RAW_RULES } from "./rules.ts";

Deno.test("RAW_RULES are those of the golden file", () => {
  assert.equal(rulesListing(), golden);
});

Deno.test("RAW_RULES carry comments that tell them from one another and from other versions", () => {
  const comments = RAW_RULES.map(({ comment }) => comment);
  assert.equal(new Set(comments).size, comments.length);
  for (const comment of comments) assert.match(comment, /^[a-zA-Z, ]+ [0-9a-f]{8}$/);
});
