import assert from "node:assert/strict";
import { exposition } from "./exposition.ts";

Deno.test("exposition() writes each metric with HELP and TYPE, and nothing but a newline behind", () => {
  const text = exposition([
    { name: "a_total", help: "First.", type: "counter", samples: [{ labels: {}, value: 3 }] },
    { name: "b", help: "None known.", type: "gauge", samples: [] },
  ]);
  assert.equal(
    text,
    "# HELP a_total First.\n# TYPE a_total counter\na_total 3\n" +
      "# HELP b None known.\n# TYPE b gauge\n",
  );
});

Deno.test("exposition() escapes what would end a label or a line", () => {
  const text = exposition([{
    name: "a",
    help: 'back\\slash "and"\nnewline',
    type: "gauge",
    samples: [{ labels: { one: 'q"\\\n', two: "" }, value: 1 }],
  }]);
  assert.equal(
    text,
    '# HELP a back\\\\slash "and"\\nnewline\n# TYPE a gauge\na{one="q\\"\\\\\\n",two=""} 1\n',
  );
});

Deno.test("exposition() writes numbers as Prometheus reads them", () => {
  const cases = [
    [0, "0"],
    [0.000_05, "0.00005"],
    [1e-7, "1e-7"],
    [2 ** 53, "9007199254740992"],
    [
      Infinity,
      "+Inf",
    ],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
  ] as const;
  for (const [value, written] of cases) {
    const samples = [{ labels: {}, value }];
    const text = exposition([{ name: "a", help: "", type: "gauge", samples }]);
    assert.equal(text.split("\n")[2], `a ${written}`);
  }
});

Deno.test("exposition() sums up buckets, the last of which is +Inf and equals the count", () => {
  const distribution = { bounds: [0.1, 1], counts: [2, 0, 3], sum: 7.5 };
  const text = exposition([{
    name: "t_seconds",
    help: "T.",
    type: "histogram",
    samples: [{ labels: { verb: "S" }, distribution }],
  }]);
  assert.deepEqual(text.split("\n").slice(2), [
    't_seconds_bucket{verb="S",le="0.1"} 2',
    't_seconds_bucket{verb="S",le="1"} 2',
    't_seconds_bucket{verb="S",le="+Inf"} 5',
    't_seconds_sum{verb="S"} 7.5',
    't_seconds_count{verb="S"} 5',
    "",
  ]);
});
