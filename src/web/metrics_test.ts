import assert from "node:assert/strict";
import { generate, readGolden } from "../../tests/golden/generators.ts";
import { METRICS } from "./metrics.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => Deno.readTextFileSync(new URL(path, ROOT));

/** What a query may call a metric. */
const EXPORTED: ReadonlyMap<string, string> = new Map(
  METRICS.flatMap(({ name, type }) => {
    const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    return suffixes.map((suffix): [string, string] => [name + suffix, type]);
  }),
);

/** Everything that outsiders have to say about metrics. */
const QUERIES = ["docs/grafana/lrkproxy.json", "docs/alerts/lrkproxy.rules.yml"];

/** The queries of a dashboard or of alert rules, without what is written for people. */
function queriesOf(text: string): readonly string[] {
  const inJson = [...text.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, query = ""]) =>
    JSON.parse(query) as string
  );
  const inYaml = [...text.matchAll(/^ +expr: (?:\|\n((?: {10,}.*\n)+)|([^|\n].*)$)/gm)]
    .map(([, block, line]) => block ?? line ?? "");
  return [...inJson, ...inYaml];
}

/** Each use of a metric, with what stands in front of it and its label selectors. */
function uses(text: string) {
  return [...text.matchAll(/(?<before>[a-z_]*\(?)\b(?<name>lrkproxy_\w+)(\{(?<labels>[^}]*)\})?/g)]
    .map(({ groups }) => ({
      before: groups?.["before"] ?? "",
      name: groups?.["name"] ?? "",
      labels: groups?.["labels"],
    }));
}

Deno.test("the metrics page is the golden file", () => {
  assert.equal(generate("metrics.txt"), readGolden("metrics.txt"));
});

Deno.test("metrics are named as Prometheus wants them, once each, with help", () => {
  const names = METRICS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, type, help } of METRICS) {
    assert.match(name, /^lrkproxy_[a-z_]+$/);
    assert.equal(name.endsWith("_total"), type === "counter", name);
    if (type === "histogram") assert.match(name, /_seconds$/);
    assert.match(help, /^[A-Z/].*\.$/, name);
  }
});

Deno.test("every metric has a value on the golden page", () => {
  const page = readGolden("metrics.txt");
  for (const name of EXPORTED.keys()) assert.match(page, new RegExp(`^${name}[{ ]`, "m"));
});

for (const path of QUERIES) {
  Deno.test(`${path} uses only what is exported, and as what it is`, () => {
    const text = read(path);
    for (const { name } of uses(text)) {
      const isMetric = METRICS.some((metric) => metric.name === name);
      assert.ok(isMetric || EXPORTED.has(name), `${name} is not exported`);
    }
    const found = queriesOf(text).flatMap(uses);
    assert.ok(found.length > 10);
    const page = readGolden("metrics.txt");
    for (const { before, name, labels = "" } of found) {
      const type = EXPORTED.get(name);
      assert.ok(type, `${name} is no series`);
      const isRate = /^(rate|increase)\($/.test(before);
      assert.equal(isRate, type !== "gauge", `${before}${name} is a ${type}`);
      for (const [, label, operator, value = ""] of labels.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
        // Prometheus adds these itself.
        if (label === "instance" || label === "job") continue;
        for (const each of operator === "=~" ? value.split("|") : [value]) {
          assert.match(page, new RegExp(`^${name}\\{.*\\b${label}="${each}"`, "m"), labels);
        }
      }
    }
  });
}

Deno.test("queries only add up by labels that metrics have", () => {
  const known = new Set([...readGolden("metrics.txt").matchAll(/[{,](\w+)="/g)].map(([, l]) => l));
  for (const path of QUERIES) {
    for (const [, list = ""] of read(path).matchAll(/\b(?:by|on) \(([^)]*)\)/g)) {
      for (const label of list.split(/, */)) {
        assert.ok(label === "instance" || known.has(label), `${path}: by (${list})`);
      }
    }
  }
});

Deno.test("the dashboard is JSON with panels that each ask something", () => {
  const { panels } = JSON.parse(read("docs/grafana/lrkproxy.json")) as {
    panels: { type: string; title: string; id: number; targets?: { expr: string }[] }[];
  };
  const asking = panels.filter(({ type }) => type !== "row");
  assert.ok(asking.every(({ targets = [] }) => targets.length > 0 && targets.every((t) => t.expr)));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const shown = new Set(uses(JSON.stringify(panels)).map(({ name }) => name));
  for (const { name, type } of METRICS) {
    const hidden = [
      "lrkproxy_build_info",
      "lrkproxy_warnings",
      "lrkproxy_process_start_time_seconds",
    ];
    const isShown = shown.has(type === "histogram" ? `${name}_bucket` : name);
    assert.ok(isShown || hidden.includes(name) || name === "lrkproxy_sessions_updated_total", name);
  }
});

Deno.test("every alert says what it is, what it means and where to read on", () => {
  const rules = read("docs/alerts/lrkproxy.rules.yml").split(/^ {6}- alert: /m).slice(1);
  assert.ok(rules.length > 10);
  const anchors = [...read("docs/OPERATIONS.md").matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replace(/[^\w -]/g, "").replaceAll(" ", "-")
  );
  for (const rule of rules) {
    for (const key of ["expr", "severity", "summary", "description"]) {
      assert.match(rule, new RegExp(`^ +${key}: \\S`, "m"), rule);
    }
    const anchor = /^ +runbook_url: docs\/OPERATIONS\.md#(\S+)$/m.exec(rule)?.[1] ?? "";
    assert.ok(anchors.includes(anchor), `${anchor} in ${rule}`);
  }
});

Deno.test("OPERATIONS.md has a row for every metric, with its type and labels, and no others", () => {
  const page = readGolden("metrics.txt");
  const documented = [
    ...read("docs/OPERATIONS.md").matchAll(/^\| `lrkproxy_(\w+)` \| (\w+) \| ([^|]*) \|/gm),
  ]
    .map(([, name, type, labels = ""]) => [`lrkproxy_${name}`, type, labels.replaceAll("`", "")]);
  const exported = METRICS.map(({ name, type }) => {
    const line = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\}`, "m").exec(page)?.[1] ?? "";
    const labels = [...line.matchAll(/(\w+)="/g)].map(([, label = ""]) => label);
    return [name, type, labels.filter((label) => label !== "le").join(" ")];
  });
  assert.deepEqual(documented, exported);
});
