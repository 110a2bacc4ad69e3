import { table } from "../cli/output.ts";
import type { DemoEndpoint, Tally } from "./endpoint.ts";

/** One direction of the media. */
export interface DirectionReport {
  readonly direction: string;
  readonly sent: number;
  readonly received: number;
  /** Source address that the receiver saw. */
  readonly from: string;
  readonly meanDelayMs: number;
}

/** Something that was tried, and whether it went as it must. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

/** The four directions as they stand. */
export function directions(caller: DemoEndpoint, callee: DemoEndpoint): readonly DirectionReport[] {
  const report = (direction: string, from: Tally, to: Tally): DirectionReport => ({
    direction,
    sent: from.sent,
    received: to.received,
    from: [...to.sources].join(" ") || "-",
    meanDelayMs: to.received > 0 ? Math.round(to.delayMs / to.received * 1000) / 1000 : 0,
  });
  return [
    report("RTP  caller -> callee", caller.rtp, callee.rtp),
    report("RTP  callee -> caller", callee.rtp, caller.rtp),
    report("RTCP caller -> callee", caller.rtcp, callee.rtcp),
    report("RTCP callee -> caller", callee.rtcp, caller.rtcp),
  ];
}

/** The directions as a table. */
export function directionTable(reports: readonly DirectionReport[]): string {
  return table([
    ["", "sent", "received", "heard from", "mean delay"],
    ...reports.map((each) => [
      each.direction,
      each.sent,
      each.received,
      each.from,
      `${each.meanDelayMs.toFixed(2)} ms`,
    ]),
  ]);
}

/** The checks as lines. */
export function checkLines(checks: readonly Check[]): string {
  return checks.map(({ name, passed, detail }) =>
    `${passed ? "ok  " : "FAIL"}  ${name}: ${detail}\n`
  )
    .join("");
}
