/** Executables to test: the built one, and others that the same launcher starts. */

const TOP = new URL("../../", import.meta.url).pathname;
const BUILT = `${TOP}dist/lrkproxy`;
const LAUNCHER = `${TOP}dist/.build/launcher`;

/** What a run left. */
export interface Run {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** How a program is run; nothing of this process's environment is passed on but PATH. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A shell script that runs before it in a mount namespace of its own, so that no mount lasts. */
  readonly mounts?: string;
  /** A program with its arguments that is to run it, such as setpriv. */
  readonly through?: readonly string[];
  readonly stdin?: string;
}

const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/** The command that {@link run} runs. */
export function commandLine(
  program: string,
  args: readonly string[],
  { mounts, through = [] }: RunOptions = {},
): [string, ...string[]] {
  const line: [string, ...string[]] = [...through, program, ...args] as [string, ...string[]];
  if (mounts === undefined) return line;
  const script = `set -e; ${mounts}; exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ...line];
}

/** Run a program to its end. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Run> {
  const [command, ...rest] = commandLine(program, args, options);
  const process = new Deno.Command(command, {
    args: rest,
    env: { ...ENVIRONMENT, ...options.env },
    clearEnv: true,
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (options.stdin !== undefined) {
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(options.stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), error: text.decode(stderr) };
}

/** A folder that only root can reach into, with one program in it; it goes with its disposal. */
export class Folder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "lrk-onefile-", dir: "/var/tmp" });
  readonly program: string = `${this.path}/bin/lrkproxy`;
  /** For CACHE_DIRECTORY; exists and is empty. */
  readonly cache: string = `${this.path}/cache`;

  private constructor() {
    Deno.chmodSync(this.path, 0o755);
    Deno.mkdirSync(`${this.path}/bin`);
    Deno.mkdirSync(this.cache, { mode: 0o755 });
  }

  /** Without a program. */
  static empty(): Folder {
    return new Folder();
  }

  /** With the built program. */
  static built(): Folder {
    const folder = new Folder();
    Deno.copyFileSync(BUILT, folder.program);
    return folder;
  }

  /** With a program of the test's own on the real runtime, which gets the same arguments. */
  static async withScript(script: string): Promise<Folder> {
    const folder = new Folder();
    const runtimes = await run("sh", ["-c", `ls ${TOP}tools/deno/node_modules/@deno/linux-*/deno`]);
    await folder.#pack(runtimes.out.trim(), script, await builtArguments());
    return folder;
  }

  /** With a runtime that only says how it was started; `note` tells versions of it apart. */
  static async fake({ note = "", launcher = LAUNCHER } = {}): Promise<Folder> {
    const folder = new Folder();
    const runtime = `${folder.path}/runtime`;
    const source = `${TOP}tests/onefile/fake_runtime.c`;
    await mustRun("cc", ["-static", "-O2", "-o", runtime, source]);
    // Behind its end an executable may have anything.
    await Deno.writeTextFile(runtime, note, { append: true });
    await folder.#pack(runtime, "the program", ["--first", "--second=with blanks"], launcher);
    return folder;
  }

  async #pack(
    runtime: string,
    script: string,
    args: readonly string[],
    launcher = LAUNCHER,
  ): Promise<void> {
    const source = `${this.path}/program.js`;
    await Deno.writeTextFile(source, script);
    const pack = [`${TOP}tools/pack.sh`, launcher, runtime, source, this.program, ...args];
    await mustRun("bash", pack);
  }

  /** Run the program with {@link cache} as its CACHE_DIRECTORY. */
  run(args: readonly string[], options: RunOptions = {}): Promise<Run> {
    const env = { CACHE_DIRECTORY: this.cache, ...options.env };
    return run(this.program, args, { ...options, env });
  }

  /** Where the unpacked runtime lies. Throws unless there is exactly one. */
  entry(): string {
    const names = namesIn(this.cache);
    const entries = names.filter((name) => name.startsWith("runtime-"));
    if (entries.length !== 1) throw new Error(`The cache holds ${names.join(", ")}`);
    return `${this.cache}/${entries[0]}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** What a folder holds, in order. */
export function namesIn(path: string): readonly string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** The values of the fake runtime's lines that begin with `what`. */
export function told(out: string, what: string): readonly string[] {
  return out.split("\n").filter((line) => line.startsWith(`${what} `))
    .map((line) => line.slice(what.length + 1));
}

async function builtArguments(): Promise<readonly string[]> {
  const { out } = await run("tail", ["-c", "2000", BUILT]);
  return told(out, "argument");
}

async function mustRun(command: string, args: readonly string[]): Promise<void> {
  const { code, error } = await run(command, args, { env: { HOME: "/nonexistent" } });
  if (code !== 0) throw new Error(`Cannot run ${command} ${args.join(" ")}: ${error}`);
}
