/** What a program leaves that has a terminal in place of pipes. */

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

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
