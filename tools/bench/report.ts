/** Print what a run measured, and write it down as JSON: report.ts RESULTS [JSON]. */
import { type ForwardingCost, forwardingCosts } from "./ratios.ts";
import { type Latency, readResults, type Results } from "./results.ts";

const WAY_NAMES: Readonly<Record<string, string>> = {
  floor: "drop at ingress (floor)",
  plain: "plain ip_forward",
  conntrack: "conntrack NAT",
  counting: "conntrack NAT, counting",
  userspace: "user-space relay",
};

if (import.meta.main) {
  const [path = "", json] = Deno.args;
  const results = readResults(await Deno.readTextFile(path));
  const costs = forwardingCosts(results.frames);
  console.log([...costs.map(forwardingTable), ...controlTables(results)].join("\n\n"));
  if (json !== undefined) await Deno.writeTextFile(json, toJson(costs, results));
}

function forwardingTable({ sessions, ways }: ForwardingCost): string {
  const rows = ways.map((cost) => [
    WAY_NAMES[cost.way] ?? cost.way,
    cost.minNs.toFixed(0),
    cost.medianNs.toFixed(0),
    cost.netNs.toFixed(0),
    ratio(cost.toPlain),
    ratio(cost.toConntrack),
  ]);
  const relay = ways.find(({ way }) => way === "lrkproxy");
  return [
    `Forwarding with ${sessions} sessions, CPU ns a frame (net: without the floor)`,
    ...table(["", "min", "median", "net", "net/plain", "net/conntrack"], rows),
    `lrkproxy / conntrack NAT (net): ${ratio(relay?.toConntrack ?? NaN)}, ` +
    `if it counts, too: ${ratio(relay?.toCounting ?? NaN)}`,
  ].join("\n");
}

function controlTables({ latencies, values }: Results): string[] {
  const tables: string[] = [];
  if (latencies.length > 0) tables.push(latencyTable(latencies));
  if (values.size > 0) tables.push(valueTable(values));
  return tables;
}

function latencyTable(latencies: readonly Latency[]): string {
  const rows = latencies.map((run) => [
    run.name,
    String(run.requests),
    (run.requests / run.seconds).toFixed(0),
    String(run.lost),
    String(run.refused + run.wrong),
    milliseconds(run.medianUs),
    milliseconds(run.p99Us),
    milliseconds(run.maxUs),
  ]);
  return [
    "Control with 20000 sessions up, ms until the answer",
    ...table(["", "requests", "a second", "lost", "refused", "median", "p99", "max"], rows),
  ].join("\n");
}

function valueTable(values: ReadonlyMap<string, number>): string {
  const rows = [...values].map(([name, value]) => [name.replaceAll("_", " "), String(value)]);
  return table(["", ""], rows).slice(1).join("\n");
}

/** Columns as wide as they need be, the first to the left and figures to the right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.max(...lines.map((line) => cell(line, column).length))
  );
  return lines.map((line) =>
    widths.map((width, column) =>
      column === 0 ? cell(line, column).padEnd(width) : cell(line, column).padStart(width)
    ).join("  ").trimEnd()
  );
}

function cell(line: readonly string[], column: number): string {
  return line[column] ?? "";
}

function ratio(value: number): string {
  return value.toFixed(2);
}

function milliseconds(microseconds: number): string {
  return (microseconds / 1000).toFixed(2);
}

function toJson(costs: readonly ForwardingCost[], results: Results): string {
  const report = {
    schema: 1,
    forwarding: costs,
    control: { latencies: results.latencies, values: Object.fromEntries(results.values) },
  };
  return JSON.stringify(report, null, 2) + "\n";
}
