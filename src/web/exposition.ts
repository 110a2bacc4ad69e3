/*
 * Prometheus' text format 0.0.4, as its documentation describes it ("Exposition formats"): for each
 * metric a HELP and a TYPE line, then one line for each combination of label values.
 */

/** The media type of the format. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** What a sample is about. Values must be few: none may stand for a single call. */
export type Labels = Readonly<Record<string, string>>;

/** One value of a counter or gauge. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** Values by size: how many there are in each bucket, the last one being above all bounds. */
export interface Distribution {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

/** The values of a histogram with these labels. */
export interface DistributionSample {
  readonly labels: Labels;
  readonly distribution: Distribution;
}

/** A metric and its values. */
export type Family =
  & { readonly name: string; readonly help: string }
  & (
    | { readonly type: "counter" | "gauge"; readonly samples: readonly Sample[] }
    | { readonly type: "histogram"; readonly samples: readonly DistributionSample[] }
  );

/** The text of metrics, in their order. */
export function exposition(families: readonly Family[]): string {
  return families.map(familyText).join("");
}

function familyText(family: Family): string {
  const { name, help, type } = family;
  const lines = family.type === "histogram"
    ? family.samples.flatMap((sample) => distributionLines(name, sample))
    : family.samples.map(({ labels, value }) => line(name, labels, value));
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

/** Buckets are cumulative in this format: each holds those below it too. */
function distributionLines(
  name: string,
  { labels, distribution: { bounds, counts, sum } }: DistributionSample,
): readonly string[] {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    return line(`${name}_bucket`, { ...labels, le: numberText(bounds[i] ?? Infinity) }, total);
  });
  return [...buckets, line(`${name}_sum`, labels, sum), line(`${name}_count`, labels, total)];
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) =>
    `${label}="${escaped(text).replaceAll('"', '\\"')}"`
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${numberText(value)}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
