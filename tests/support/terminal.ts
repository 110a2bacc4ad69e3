/** What a program leaves that has a terminal, or a reader that has gone, in place of pipes. */

/** What it printed, to stdout and stderr together, and its exit status. */
export interface Printed {
  readonly code: number;
  readonly printed: string;
}

/** Run a program whose stdin, stdout and stderr are a terminal of 24 lines and 80 columns. */
export async function onTerminal(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  const line = ["sh", "-c", 'stty rows 24 cols 80 -onlcr; exec "$@"', "sh", program, ...args];
  const script = ["--quiet", "--return", "--command", line.map(quoted).join(" "), "/dev/null"];
  const { code, stdout } = await new Deno.Command("script", {
    args: script,
    env: { ...env, SHELL: "/bin/sh", TERM: "xterm" },
    stdin: "null",
  }).output();
  return { code, printed: new TextDecoder().decode(stdout) };
}

/** Run a program whose stdout is a pipe that nobody reads any more; `printed` is its stderr. */
export async function withoutReader(program: string, args: readonly string[]): Promise<Printed> {
  const script = 'exec 3> >(:); wait "$!"; exec "$@" >&3 3>&-';
  const { code, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", program, ...args],
    stdin: "null",
  }).output();
  return { code, printed: new TextDecoder().decode(stderr) };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
