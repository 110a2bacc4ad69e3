import { pause } from "../base/loop.ts";
import { VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import { formatErrors, readConfig } from "../config/load.ts";
import { type AdminResponse, SCHEMA } from "../control/admin.ts";
import {
  type CommonOptions,
  type DoctorOptions,
  type Invocation,
  parseArguments,
  type TextOutput,
  versionLine,
} from "./args.ts";
import { configText, ownAddresses } from "./commands/check_config.ts";
import { drain, drainNote } from "./commands/drain.ts";
import { sendByPath } from "./commands/path.ts";
import { reloadText } from "./commands/reload.ts";
import { reportText, sessionsText } from "./commands/sessions.ts";
import { statusText } from "./commands/status.ts";
import { CommandFailure, noSession, query, versionWarning } from "./daemon_query.ts";

/** What only some commands need, so that the others do not load it. */
export interface HeavyCommands {
  /** `path` is where the configuration was read. */
  readonly run: (config: Config, path: string) => Promise<void>;
  readonly demo: (
    options: { seconds: number; json?: boolean },
    output: TextOutput,
  ) => Promise<number>;
  readonly doctor: (options: DoctorOptions, output: TextOutput) => Promise<number>;
  /** What this machine itself does to calls, some sentences for each of the reports. */
  readonly examine: (
    options: CommonOptions,
    shown: Extract<AdminResponse, { readonly reports: unknown }>,
  ) => Promise<readonly (readonly string[])[]>;
}

/** sysexits(3) EX_CONFIG: what starts the daemon knows by it that starting it again is of no use. */
const EXIT_CONFIG = 78;

/** What a shell says of a program that SIGPIPE has ended, which the runtime ignores. */
const EXIT_READER_GONE = 141;

/** Thrown by a {@link TextOutput}: nobody reads it any more. */
export class ReaderGone extends Error {}

/** How long `stop` waits for the daemon to be gone. */
const STOP_PATIENCE_MS = 15_000;

/** Carry out a command line; the answer is the exit code. */
export async function runCli(
  argv: readonly string[],
  output: TextOutput,
  heavy: HeavyCommands,
): Promise<number> {
  try {
    return await carryOutOrSayWhyNot(argv, output, heavy);
  } catch (error) {
    // As other programs at the head of a pipe: without a word, but not as if all had been printed.
    if (error instanceof ReaderGone) return EXIT_READER_GONE;
    throw error;
  }
}

async function carryOutOrSayWhyNot(
  argv: readonly string[],
  output: TextOutput,
  heavy: HeavyCommands,
): Promise<number> {
  const invocation = parseArguments(argv, output);
  try {
    return await carryOut(invocation, output, heavy);
  } catch (error) {
    if (error instanceof ReaderGone) throw error;
    const message = error instanceof Error ? error.message : String(error);
    output.error(`lrkproxy: ${message}\n`);
    return error instanceof CommandFailure ? error.exitCode : 1;
  }
}

async function carryOut(
  invocation: Invocation,
  output: TextOutput,
  heavy: HeavyCommands,
): Promise<number> {
  switch (invocation.command) {
    case "none":
      return invocation.exitCode;
    case "version":
      output.out(
        invocation.options.json
          ? `${JSON.stringify({ schema: SCHEMA, version: VERSION })}\n`
          : `${versionLine()}\n`,
      );
      return 0;
    case "demo":
      return await heavy.demo(invocation.options, output);
    case "doctor":
      return await heavy.doctor(invocation.options, output);
    case "run":
      await heavy.run(
        await loadOrFail(invocation.options.config, EXIT_CONFIG),
        invocation.options.config,
      );
      return 0;
    case "drain":
      return await drain(invocation.options, output);
    case "path":
      return await sendByPath(invocation, output);
    case "check-config": {
      const { config } = invocation.options;
      output.out(configText(config, await loadOrFail(config), ownAddresses()));
      return 0;
    }
    default:
      return await askAndPrint(invocation, output, heavy);
  }
}

async function loadOrFail(path: string, exitCode: 1 | 78 = 1): Promise<Config> {
  const config = await readConfig(path);
  if (config.ok) return config.value;
  throw new CommandFailure(
    `the configuration cannot be used\n${formatErrors(config.error).trimEnd()}`,
    exitCode,
  );
}

type Query = Exclude<
  Invocation,
  {
    readonly command:
      | "none"
      | "version"
      | "demo"
      | "doctor"
      | "run"
      | "check-config"
      | "drain"
      | "path";
  }
>;

async function askAndPrint(
  invocation: Query,
  output: TextOutput,
  { examine }: HeavyCommands,
): Promise<number> {
  const { options } = invocation;
  if (invocation.command === "stop") {
    await query(options, { command: "stop", drop: invocation.options.drop ?? false });
    return await waitUntilGone(options);
  }
  const response = "callId" in invocation
    ? await query(options, { command: invocation.command, callId: invocation.callId })
    : await query(options, { command: invocation.command });
  const machine = "reports" in response ? await examine(options, response) : [];
  const text = "json" in options && options.json
    ? `${JSON.stringify("reports" in response ? { ...response, machine } : response)}\n`
    : "reports" in response
    ? reportsText(response, { machine, config: options.config })
    : asText(response);
  output.out(text);
  if ("status" in response) output.error(versionWarning(response.status.version) ?? "");
  const isNothing = "reports" in response && response.reports.length === 0 ||
    "dropped" in response && response.dropped === 0;
  if (!isNothing) return 0;
  const callId = "callId" in invocation ? invocation.callId : "";
  throw noSession(callId);
}

function asText(response: AdminResponse): string {
  if ("status" in response) return statusText(response.status);
  if ("sessions" in response) return sessionsText(response.sessions);
  if ("reload" in response) return reloadText(response.reload);
  if ("dropped" in response && response.dropped > 0) {
    return `Dropped ${response.dropped} session(s).\n`;
  }
  return "";
}

function reportsText(
  { reports, drain }: Extract<AdminResponse, { readonly reports: unknown }>,
  { machine, config }: {
    readonly machine: readonly (readonly string[])[];
    readonly config: string;
  },
): string {
  return reports.map((report, i) => reportText(report, machine[i], config)).join("\n") +
    drainNote(drain);
}

async function waitUntilGone(options: CommonOptions): Promise<number> {
  const deadline = AbortSignal.timeout(STOP_PATIENCE_MS);
  while (!deadline.aborted) {
    try {
      await query(options, { command: "status" });
    } catch (error) {
      if (error instanceof CommandFailure && error.exitCode === 3) return 0;
    }
    await pause(50, deadline);
  }
  throw new CommandFailure("the daemon has not stopped yet", 1);
}
