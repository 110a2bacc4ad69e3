import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { VERSION } from "../base/version.ts";
import { DEFAULT_CONFIG } from "../config/commands.ts";
import { keyHelp } from "../config/describe.ts";

/** Where Kamailio's configuration is unless `--kamailio` says otherwise. */
export const KAMAILIO_CFG = "/etc/kamailio/kamailio.cfg";

/** What every command may be told. */
export interface CommonOptions {
  readonly config: string;
  /** The admin socket, in place of the configuration's. */
  readonly socket?: string;
}

/** What `drain` may be told. */
export interface DrainArguments {
  readonly timeout?: number;
  readonly ring: number;
  readonly off?: boolean;
  readonly wait: boolean;
}

/** What `doctor` may be told. */
export interface DoctorOptions extends CommonOptions {
  readonly fix?: boolean;
  readonly json?: boolean;
  /** Kamailio's configuration. */
  readonly kamailio: string;
}

/** A command line understood. */
export type Invocation =
  | { readonly command: "run" | "check-config"; readonly options: CommonOptions }
  | {
    readonly command: "status" | "sessions";
    readonly options: CommonOptions & { readonly json?: boolean };
  }
  | {
    readonly command: "show" | "drop";
    readonly callId: string;
    readonly options: CommonOptions & { readonly json?: boolean };
  }
  | { readonly command: "stop"; readonly options: CommonOptions & { readonly drop?: boolean } }
  | { readonly command: "reload"; readonly options: CommonOptions & { readonly json?: boolean } }
  | {
    readonly command: "path";
    readonly callId: string;
    readonly path: "nft" | "kmod" | "auto";
    readonly options: CommonOptions & { readonly instance?: string; readonly json?: boolean };
  }
  | { readonly command: "drain"; readonly options: CommonOptions & DrainArguments }
  | {
    readonly command: "demo";
    readonly options: { readonly seconds: number; readonly json?: boolean };
  }
  | { readonly command: "doctor"; readonly options: DoctorOptions }
  | { readonly command: "version"; readonly options: { readonly json?: boolean } }
  /** Nothing left to do: help has been asked for or the words made no sense. */
  | { readonly command: "none"; readonly exitCode: number };

/** Where help and complaints go. */
export interface TextOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

const INTRODUCTION = `Relays RTP and RTCP for Kamailio's lrkproxy module inside the Linux kernel.

A daemon (lrkproxy run) takes Kamailio's commands and keeps a table of nftables
up to date; packets never reach a program. The other commands look at a running
daemon. Without a command, its status is shown.`;

const AFTERWORD = `
Exit status: 0 done, 1 failed, 2 wrong usage, 3 no daemon answers, 78 wrong configuration (run),
141 whoever read the output has gone (a pipe to head, for example).

Examples:
  lrkproxy demo                     see two endpoints talk through the relay
  lrkproxy run --config ./test.ini  run the daemon in the foreground
  lrkproxy sessions                 who talks to whom, and how much
  lrkproxy show 1a2b3c@phone        why that call is one-way
  lrkproxy path all kmod            let the kernel module relay all calls
  lrkproxy doctor                   what is wrong with this machine
`;

/** Understand a command line; `argv` begins with the command. */
export function parseArguments(argv: readonly string[], output: TextOutput): Invocation {
  const chosen: { value: Invocation | null } = { value: null };
  const program = buildProgram((invocation) => chosen.value = invocation);
  const settings = { writeOut: output.out, writeErr: output.error };
  for (const command of [program, ...program.commands]) {
    command.configureOutput(settings).exitOverride();
  }
  try {
    program.parse(argv.length === 0 ? ["status"] : [...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { command: "none", exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  return chosen.value ?? { command: "none", exitCode: 2 };
}

/** What `version` and `--version` print. */
export function versionLine(): string {
  return `lrkproxy ${VERSION}`;
}

function buildProgram(choose: (invocation: Invocation) => void): Command {
  const program = new Command("lrkproxy").description(INTRODUCTION).addHelpText("after", AFTERWORD)
    .version(versionLine(), "-V, --version", "print the version")
    .showHelpAfterError("(lrkproxy --help explains the commands)");
  const add = (name: string, description: string): Command =>
    program.command(name).description(description)
      .showHelpAfterError(`(lrkproxy ${name.split(" ")[0]} --help explains it)`);

  withConfig(
    add(
      "run",
      "Run the daemon in the foreground.\n\nSIGTERM stops it; calls go on in the kernel and the next start takes them over. SIGHUP reads the configuration file again, as lrkproxy reload does, and opens the log file anew.",
    ),
  )
    .action((options) => choose({ command: "run", options }));
  withJson(
    withSocket(add("status", "Show how the daemon is: sessions, sockets, counters, warnings.")),
  )
    .action((options) => choose({ command: "status", options }));
  withJson(
    withSocket(
      add(
        "sessions",
        "List every session: both parties, where their media really comes from, packets, and seconds since the last one.",
      ),
    ),
  )
    .action((options) => choose({ command: "sessions", options }));
  withJson(
    withSocket(
      add("show <call-id>", "Show one call in detail and say why it is one-way or silent."),
    ),
  )
    .action((callId, options) => choose({ command: "show", callId, options }));
  withSocket(
    add(
      "drop <call-id>",
      "Stop relaying a call. Kamailio is not told; its D is answered all the same.",
    ),
  )
    .action((callId, options) => choose({ command: "drop", callId, options }));
  withSocket(add("stop", "Stop the daemon. Calls go on in the kernel unless --drop ends them."))
    .option("--drop", "end all calls and remove the kernel's table")
    .action((options) => choose({ command: "stop", options }));
  withJson(
    withSocket(
      add(
        "reload",
        "Let the daemon read its configuration file again and go by it. A file that cannot be used is refused whole, with the reason. Calls go on in either case.",
      ),
    ),
  )
    .action((options) => choose({ command: "reload", options }));
  withJson(
    withSocket(
      add(
        "path",
        "Send calls through the kernel module (kmod), through nftables alone (nft), or whichever way the configuration says (auto). It holds until the call ends, or until the daemon stops. Nothing is lost or doubled on the way.",
      ),
    ),
  )
    .addArgument(new Argument("<call-id>", "a call, or all"))
    .addArgument(new Argument("<path>", "its way").choices(["nft", "kmod", "auto"]))
    .option("--instance <name>", "with all: only the calls of this instance")
    .action((callId, path, options) => choose({ command: "path", callId, path, options }));
  withSocket(
    add(
      "drain",
      "Send Kamailio to its other engines, let the calls of this one end, then stop the daemon. Prints how many calls are left until it is gone; Ctrl-C ends only the printing.",
    ),
  )
    .addOption(
      new Option(
        "--timeout <seconds>",
        "stop after so long, whatever calls are left; they go on in the kernel",
      )
        .argParser(parseTime),
    )
    .addOption(
      new Option(
        "--ring <seconds>",
        "wait at least so long, since calls that ring have no session yet",
      )
        .default(20).argParser(parseTime),
    )
    .option("--no-wait", "return at once")
    .option("--off", "take calls again")
    .action((options) => choose({ command: "drain", options }));
  withConfig(
    add("check-config", "Check the configuration and say what it means, without running anything."),
  )
    .addHelpText("after", () => `\n${keyHelp()}`)
    .action((options) => choose({ command: "check-config", options }));
  withJson(
    add(
      "demo",
      "Build a caller, a relay and a callee in network namespaces of their own and let them talk for a few seconds through the real kernel path. Needs root; leaves nothing behind.",
    ),
  )
    .addOption(new Option("--seconds <n>", "how long they talk").default(5).argParser(parseSeconds))
    .action((options) => choose({ command: "demo", options }));
  withJson(
    withSocket(
      add(
        "doctor",
        "Look for what makes calls silent: settings, firewalls, ports, Kamailio's configuration. Says what is wrong and how to cure it. Works with and without a running daemon; run it as root to have everything looked at.",
      ),
    ),
  )
    .option(
      "--fix",
      "put right what is the relay's own: settings of the media interfaces, reserved ports, file modes; never a firewall",
    )
    .option(
      "--kamailio <path>",
      "a configuration of Kamailio to look at besides those that run",
      KAMAILIO_CFG,
    )
    .action((options) => choose({ command: "doctor", options }));
  withJson(add("version", "Print the version."))
    .action((options) => choose({ command: "version", options }));
  return program;
}

function withConfig(command: Command): Command {
  return command.option("-c, --config <path>", "configuration file", DEFAULT_CONFIG);
}

function withSocket(command: Command): Command {
  return withConfig(command).option(
    "--socket <path>",
    "admin socket of the daemon ([admin] socket)",
  );
}

function withJson(command: Command): Command {
  return command.option("--json", "print one JSON object");
}

function parseTime(text: string): number {
  const seconds = Number(text);
  if (/^[0-9]+$/.test(text) && seconds <= 604_800) return seconds;
  throw new InvalidArgumentError("It must be a whole number of seconds from 0 to 604800.");
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 1 && seconds <= 3600) return seconds;
  throw new InvalidArgumentError("It must be a number from 1 to 3600.");
}
