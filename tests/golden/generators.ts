/**
 * Every golden file that code produces, and the code. `deno task golden` writes them and the tests
 * beside the code compare them, so that both mean the same text.
 */
import process from "node:process";
import { parseArguments } from "../../src/cli/args.ts";
import { configText } from "../../src/cli/commands/check_config.ts";
import { drainNote } from "../../src/cli/commands/drain.ts";
import { reloadText } from "../../src/cli/commands/reload.ts";
import { reportText, sessionsText } from "../../src/cli/commands/sessions.ts";
import { statusText } from "../../src/cli/commands/status.ts";
import { sampleFile } from "../../src/config/describe.ts";
import { metricsText } from "../../src/web/metrics.ts";
import { rulesListing } from "../support/rules_listing.ts";
import { SNAPSHOT } from "./snapshot.ts";
import { CHECKS } from "../../src/doctor/finding.ts";
import { doctorJson, doctorText } from "../../src/doctor/report.ts";
import {
  config,
  DOCTOR_REPORT,
  DRAIN,
  OWN_ADDRESSES,
  RELOAD,
  REPORTS,
  SESSIONS,
  STATUS,
} from "./views.ts";

/** The commands that have a help text of their own. */
export const COMMANDS = [
  "run",
  "status",
  "sessions",
  "show",
  "drop",
  "stop",
  "reload",
  "path",
  "drain",
  "check-config",
  "demo",
  "doctor",
  "version",
] as const;

/** By path below this folder: what belongs in the file. */
export const GENERATORS: ReadonlyMap<string, () => string> = new Map([
  ["lrkproxy.ini", sampleFile],
  ["nft_rules.txt", rulesListing],
  ["help/lrkproxy.txt", () => helpText(["--help"])],
  ...COMMANDS.map((name) => [`help/${name}.txt`, () => helpText([name, "--help"])] as const),
  ["status.txt", () => statusText(STATUS)],
  ["metrics.txt", () => metricsText(SNAPSHOT)],
  ["sessions.txt", () => sessionsText(SESSIONS)],
  ["show.txt", () => REPORTS.map((report) => reportText(report)).join("\n")],
  ["draining.txt", () => statusText({ ...STATUS, drain: DRAIN }) + drainNote(DRAIN)],
  ["reload.txt", () => reloadText(RELOAD)],
  ["doctor.txt", () => doctorText(DOCTOR_REPORT)],
  ["doctor.json", () => doctorJson(DOCTOR_REPORT)],
  ["doctor_ids.txt", () => CHECKS.map(([id]) => `${id}\n`).join("")],
  ["check-config.txt", () => configText("/etc/lrkproxy/lrkproxy.ini", config(), OWN_ADDRESSES)],
]);

/** What a golden file has to hold. */
export function generate(name: string): string {
  const generator = GENERATORS.get(name);
  if (!generator) throw new Error(`There is no generator of ${name}`);
  return generator();
}

/** What a golden file holds. */
export function readGolden(name: string): string {
  return Deno.readTextFileSync(new URL(name, import.meta.url));
}

/** What a command line prints on stdout, in a terminal of 80 columns. */
function helpText(argv: readonly string[]): string {
  // Help is as wide as the terminal that the test happens to run in.
  const columns = Object.getOwnPropertyDescriptor(process.stdout, "columns");
  Object.defineProperty(process.stdout, "columns", { value: 80, configurable: true });
  try {
    let text = "";
    parseArguments(argv, { out: (piece) => text += piece, error: () => {} });
    return text;
  } finally {
    if (columns) Object.defineProperty(process.stdout, "columns", columns);
    else Reflect.deleteProperty(process.stdout, "columns");
  }
}
