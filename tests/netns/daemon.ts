import type { Namespace } from "../../src/netns/namespaces.ts";
import { copyProgram } from "../support/program.ts";
import { within } from "./until.ts";

/** The built program, as a user runs it. */
export const PROGRAM = copyProgram();

/** Sections of a configuration file, and their keys. */
export type Ini = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

const BASE: Ini = {
  kernel: {
    start_port: 20000,
    end_port: 30000,
    internal_ip: "10.10.1.1",
    external_ip: "192.0.2.1",
    // This machine may have the kernel module.
    mode: "nft",
  },
  "UDP socket": { socket_udp_host: "127.0.0.1", socket_udp_port: 8080, allow: "127.0.0.0/8" },
  logger: { log_level: "debug" },
};

/** What a run of the command line left. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** The real daemon, a process of its own in a namespace. */
export class Daemon implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "lrk-netns-" });
  readonly configPath = `${this.folder}/lrkproxy.ini`;
  readonly controlSocket = `${this.folder}/control.sock`;
  readonly adminSocket = `${this.folder}/admin.sock`;
  /** Everything that it has logged, over all its starts. */
  log = "";
  readonly #place: Namespace;
  #process: Deno.ChildProcess | null = null;
  #logged: Promise<void> = Promise.resolve();

  /** Nothing runs until {@link start}. */
  constructor(place: Namespace, changes: Ini = {}) {
    this.#place = place;
    this.configure(changes);
  }

  /** Write its configuration anew; the next start reads it. */
  configure(changes: Ini): void {
    const own: Ini = {
      ...BASE,
      "UNIX socket": { listen: this.controlSocket },
      admin: { socket: this.adminSocket },
    };
    Deno.writeTextFileSync(this.configPath, iniText(own, changes));
  }

  /** Start it, and wait until it says that it is ready. */
  async start(): Promise<void> {
    const before = this.log.length;
    this.spawn();
    await this.waitForLog("lrkproxy is ready", before);
  }

  /** Start it without waiting. */
  spawn(): void {
    if (this.#process) throw new Error("The daemon runs already");
    const command = new Deno.Command(PROGRAM, {
      args: ["run", "--config", this.configPath],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const process = this.#place.run(() => command.spawn());
    this.#process = process;
    this.#logged = this.#collect(process.stderr);
  }

  /** Wait until the log has `text` somewhere behind position `from`. */
  async waitForLog(text: string, from = 0): Promise<void> {
    const seen = (): boolean => this.log.indexOf(text, from) >= 0;
    const ended = this.#logged.then(() => {
      if (!seen()) throw new Error(`The daemon ended:\n${this.log.slice(from)}`);
    });
    const found = (async () => {
      while (!seen()) await new Promise((resolve) => this.#wake = resolve);
    })();
    await within(`the daemon logs "${text}"`, Promise.race([found, ended]), 15_000);
  }

  /** Send it a signal that it outlives. */
  signal(signal: Deno.Signal): void {
    if (!this.#process) throw new Error("The daemon does not run");
    this.#process.kill(signal);
  }

  /** Write its configuration anew and let it reload that. Throws unless it does. */
  async reload(changes: Ini): Promise<string> {
    this.configure(changes);
    const { code, out, error } = await this.cli("reload");
    if (code !== 0) throw new Error(`lrkproxy reload ended with ${code}: ${error}`);
    return out;
  }

  /** Send it a signal and wait until it is gone; the answer is its exit code. */
  async kill(signal: Deno.Signal): Promise<number> {
    if (!this.#process) throw new Error("The daemon does not run");
    this.#process.kill(signal);
    return await this.ended();
  }

  /** Wait until it is gone by itself; the answer is its exit code. */
  async ended(): Promise<number> {
    const process = this.#process;
    if (!process) throw new Error("The daemon does not run");
    const status = await within("the daemon ends", process.status, 15_000);
    await this.#logged;
    this.#process = null;
    return status.code;
  }

  /** Run a command that talks to this daemon. */
  cli(command: string, ...args: readonly string[]): Promise<CliResult> {
    return lrkproxy(command, ...args, "--config", this.configPath);
  }

  /** What a command prints with `--json`. Throws unless it succeeds. */
  async json<T>(command: string, ...args: readonly string[]): Promise<T> {
    const { code, out, error } = await this.cli(command, ...args, "--json");
    if (code !== 0) throw new Error(`lrkproxy ${command} ended with ${code}: ${error}`);
    return JSON.parse(out) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process) await this.kill("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  #wake: (value?: unknown) => void = () => {};

  async #collect(stderr: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      this.log += text;
      this.#wake();
    }
    this.#wake();
  }
}

/** Run the program to its end. */
export async function lrkproxy(...args: readonly string[]): Promise<CliResult> {
  const { code, stdout, stderr } = await new Deno.Command(PROGRAM, { args: [...args] }).output();
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, out: decode(stdout), error: decode(stderr) };
}

function iniText(base: Ini, changes: Ini): string {
  const names = [...new Set([...Object.keys(base), ...Object.keys(changes)])];
  return names.map((name) => {
    const keys = Object.entries({ ...base[name], ...changes[name] });
    return [`[${name}]`, ...keys.map(([key, value]) => `${key} : ${value}`), ""].join("\n");
  }).join("\n");
}
