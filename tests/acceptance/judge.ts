/**
 * Reads the reports of both rtp_peers and SIPp's response times, prints one line per check, and
 * exits 1 if one failed.
 *
 *   judge.ts RUN_FOLDER CALLS steady|learning|moving confirmed|told RELAYS
 */
import {
  type CallReport,
  type Check,
  type Expectation,
  judge,
  type SideReport,
} from "./verdict.ts";

/** A SIP worker waits for the relay's answer: longer than this, and it waited for a retransmission. */
const SLOWEST_RESPONSE_MS = 1000;
/** rtp_peer runs at real-time priority: when it is late, the machine has more than it can do. */
const STALL_MS = 100;

interface Summary {
  readonly badCommands: number;
  readonly mostOpen: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly worstLagMs: number;
}

function readReport(path: string): { side: SideReport; summary: Summary } {
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
  const { summary } = lines.pop() as { summary: Summary };
  return { side: { calls: lines as CallReport[], badCommands: summary.badCommands }, summary };
}

/** SIPp's -trace_rtt files: `date;milliseconds;name` below a heading. */
function checkResponseTimes(folder: string): Check {
  const times = [...Deno.readDirSync(folder)]
    .filter((entry) => entry.name.endsWith("_rtt.csv"))
    .flatMap((entry) =>
      Deno.readTextFileSync(`${folder}/${entry.name}`).trimEnd().split("\n").slice(1)
    )
    .map((line) => Number(line.split(";")[1]));
  const worst = Math.max(0, ...times);
  return {
    name: "no SIP worker held up",
    ok: times.length > 0 && worst <= SLOWEST_RESPONSE_MS,
    detail: `slowest of ${times.length} responses: ${worst.toFixed(0)} ms`,
  };
}

function expectationOf(args: readonly string[]): Expectation {
  const [calls, media, ending, relays] = args;
  if (media !== "steady" && media !== "learning" && media !== "moving") {
    throw new Error(`unknown kind of media "${media}"`);
  }
  return {
    calls: Number(calls),
    relays: [
      { forCaller: "10.10.1.1", forCallee: "192.0.2.1" },
      ...relays === "2" ? [{ forCaller: "10.10.2.1", forCallee: "192.0.3.1" }] : [],
    ],
    firstPort: 20000,
    lastPort: 30000,
    media,
    ending: ending === "told" ? "told" : "confirmed",
  };
}

function describeLoad(name: string, summary: Summary): string {
  const cpu = 100 * summary.cpuSeconds / summary.seconds;
  return `${name} ${summary.mostOpen} calls at once, ${cpu.toFixed(0)} % CPU, ` +
    `late by ${summary.worstLagMs.toFixed(0)} ms at most`;
}

/** A reader of a failure should know when it may be the machine's. */
function warnOfStalls(...summaries: readonly Summary[]): void {
  const worst = Math.max(...summaries.map((summary) => summary.worstLagMs));
  if (worst < STALL_MS) return;
  console.log(
    `        (this machine stood still for ${worst.toFixed(0)} ms: losses may be its own)`,
  );
}

function main(): void {
  const [folder = "", ...rest] = Deno.args;
  const caller = readReport(`${folder}/caller.report`);
  const callee = readReport(`${folder}/callee.report`);
  const checks = [
    ...judge(caller.side, callee.side, expectationOf(rest)),
    checkResponseTimes(folder),
  ];
  for (const check of checks) {
    console.log(`  ${check.ok ? "ok  " : "FAIL"}  ${check.name}: ${check.detail}`);
  }
  const load = [describeLoad("callers", caller.summary), describeLoad("callees", callee.summary)];
  console.log(`        (rtp_peer: ${load.join("; ")})`);
  warnOfStalls(caller.summary, callee.summary);
  if (checks.some((check) => !check.ok)) Deno.exit(1);
}

main();
