import { type Namespace } from "../../src/netns/namespaces.ts";
import type { CliResult } from "../netns/daemon.ts";
import { until } from "../netns/until.ts";

const BOOT = new URL("boot.sh", import.meta.url).pathname;
const BOOT_MS = 60_000;

/** A Debian that systemd runs, in a network namespace, with lrkproxy's unit installed. */
export class Machine implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #pid: string;

  private constructor(process: Deno.ChildProcess, pid: string) {
    this.#process = process;
    this.#pid = pid;
  }

  /** Boot a release of Debian; `configuration` is the text of lrkproxy.ini. */
  static async boot(suite: string, place: Namespace, configuration: string): Promise<Machine> {
    const file = await Deno.makeTempFile({ prefix: "lrk-ini-" });
    await Deno.writeTextFile(file, configuration);
    const process = new Deno.Command(BOOT, {
      args: [suite, place.name, file],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = process.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    const { value } = await lines.next();
    await Deno.remove(file);
    if (!value) throw new Error(`Cannot boot ${suite}: boot.sh ended`);
    const machine = new Machine(process, value.trim());
    await until("the machine is up", () => machine.#isUp(), BOOT_MS);
    return machine;
  }

  /** Run a program in the machine, as root. */
  async run(program: string, ...args: readonly string[]): Promise<CliResult> {
    const { code, stdout, stderr } = await new Deno.Command("nsenter", {
      args: ["--target", this.#pid, "--all", program, ...args],
      stdin: "null",
    }).output();
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return { code, out: decode(stdout), error: decode(stderr) };
  }

  /** What a program prints. Throws unless it succeeds. */
  async say(program: string, ...args: readonly string[]): Promise<string> {
    const { code, out, error } = await this.run(program, ...args);
    if (code === 0) return out.trim();
    throw new Error(`"${program} ${args.join(" ")}" ended with ${code}: ${error}`);
  }

  /** The path by which this process reaches a file of the machine. */
  path(inside: string): string {
    return `/proc/${this.#pid}/root${inside}`;
  }

  /** A property of the unit, such as `MainPID`. */
  async property(name: string): Promise<string> {
    return await this.say("systemctl", "show", "lrkproxy", "--value", "--property", name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
  }

  async #isUp(): Promise<boolean> {
    const { out } = await this.run("systemctl", "is-system-running");
    return ["running", "degraded"].includes(out.trim());
  }
}
