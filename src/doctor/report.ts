import { visible } from "../cli/output.ts";
import { SCHEMA } from "../control/admin.ts";
import type { Finding, Severity } from "./finding.ts";

/** One thing that --fix has done, or could not do. */
export interface Fix {
  /** What was changed, and from what: `net.ipv4.conf.eth0.rp_filter: 1 -> 2`. */
  readonly what: string;
  /** The command that takes it back. */
  readonly undo: string;
  /** Why it could not be done; null if it was. */
  readonly error: string | null;
}

/** What there is to report. */
export interface Report {
  readonly findings: readonly Finding[];
  /** Null without --fix. */
  readonly fixes: readonly Fix[] | null;
}

const LABELS: Readonly<Record<Severity, string>> = {
  ok: "ok  ",
  warn: "WARN",
  fail: "FAIL",
  skip: "skip",
};

/** The report for people: a line each, and the remedy below it. */
export function doctorText({ findings, fixes }: Report): string {
  const width = Math.max(...findings.map(({ id }) => id.length));
  const lines = findings.flatMap(({ id, severity, what, why, remedy }) => [
    `${LABELS[severity]}  ${id.padEnd(width)}  ${
      visible(why === null ? what : `${what} (${why})`)
    }`,
    ...remedy.map((command) => `${" ".repeat(width + 8)}=> ${visible(command)}`),
  ]);
  const done = (fixes ?? []).map(({ what, undo, error }) =>
    error === null ? `fixed  ${what} (undo: ${undo})` : `not fixed  ${what}: ${error}`
  );
  const nothing = fixes?.length === 0 ? ["nothing to fix that --fix may touch"] : [];
  return [...done, ...nothing, ...lines, "", summary(findings)].join("\n") + "\n";
}

function summary(findings: readonly Finding[]): string {
  const counts = (["fail", "warn", "ok", "skip"] as const).map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return `${count} ${severity}`;
  });
  return counts.join(", ");
}

/** The report for programs: one object. */
export function doctorJson({ findings, fixes }: Report): string {
  const passed = !findings.some(({ severity }) => severity === "fail");
  return `${JSON.stringify({ schema: SCHEMA, passed, findings, fixes })}\n`;
}
