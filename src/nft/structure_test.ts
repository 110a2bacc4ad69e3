import assert from "node:assert/strict";
import text from "../../nft/lrkproxy.nft" with { type: "text" };
import { tableText } from "./load.ts";
import { RAW_RULES } from "./rules.ts";
import { LAYOUT, type RuleInfo, stateOf } from "./structure.ts";

function rule(chain: string, comment: string | null): RuleInfo {
  return { chain, comment, handle: new Uint8Array(8), count: null };
}

const RAW = RAW_RULES.map(({ chain, comment }) => rule(chain, comment));
const STATIC = [
  rule("prerouting", null),
  rule("prerouting", null),
  rule("prerouting", null),
  rule("output", null),
  rule("guard", null),
  rule("guard", null),
];

Deno.test("stateOf() knows what is missing", () => {
  const older = RAW.map(({ chain, comment }) => rule(chain, `${comment} of old`));
  const cases: readonly (readonly [string, readonly RuleInfo[], string])[] = [
    ["all is there", [...RAW, ...STATIC], "complete"],
    ["the text was loaded by hand", STATIC, "raw-missing"],
    ["one of ours is gone", [...RAW.slice(1), ...STATIC], "raw-missing"],
    ["one about ICMP is gone", [...RAW.slice(0, -1), ...STATIC], "raw-missing"],
    ["ours are in another chain", [
      ...RAW.map(({ comment }) => rule("prerouting", comment)),
      ...STATIC,
    ], "raw-missing"],
    ["ours are in another order", [...RAW.toReversed(), ...STATIC], "raw-missing"],
    ["ours are there twice", [...RAW, ...RAW, ...STATIC], "raw-missing"],
    ["ours are an older version's", [...older, ...STATIC], "raw-missing"],
    ["ours come last", [...STATIC, ...RAW], "raw-missing"],
    [
      "somebody's rule comes in between",
      [...RAW, rule("prerouting", "x"), ...STATIC],
      "raw-missing",
    ],
    ["there is nothing", [], "broken"],
    ["a chain was flushed", STATIC.slice(0, 2), "broken"],
    ["a rule of the text is gone", [...RAW, ...STATIC.slice(1)], "broken"],
    ["somebody added a rule", [rule("prerouting", null), ...RAW, ...STATIC], "broken"],
    ["the text was loaded twice", [...RAW, ...STATIC, ...STATIC], "broken"],
  ];
  for (const [name, rules, expected] of cases) assert.equal(stateOf(rules), expected, name);
});

Deno.test("the table's text has the layout and as many rules as the daemon expects", () => {
  assert.ok(text.includes(`comment "${LAYOUT}"`));
  const chains = [...text.matchAll(/\tchain (\w+) \{\n(.*?)\n\t\}/gs)].map(
    ([, name, body = ""]) => {
      const rules = body.split("\n").filter((line) => !/^\s*(type|#|$)/.test(line));
      return rules.map(() => rule(name ?? "", null));
    },
  );
  assert.equal(stateOf([...RAW, ...chains.flat()]), "complete");
});

Deno.test("tableText() makes room for the sessions, and for their replacement", () => {
  const sizes = (sessions: number): readonly number[] =>
    [...tableText(sessions).matchAll(/size (\d+)/g)].map(([, size]) => Number(size));
  const [least, many] = [sizes(1), sizes(25_000)];
  assert.equal(least.filter((size) => size === 1024).length, 4);
  assert.equal(many.filter((size) => size === 125_000).length, 4);
  // Sets that do not grow with the sessions stay as they are.
  assert.deepEqual(least.filter((size) => size !== 1024), many.filter((size) => size !== 125_000));
});
