import { err, ok, type Result } from "../../base/result.ts";

/** What a program printed: its output, and what it said on the side. */
export interface Printed {
  readonly out: string;
  readonly error: string;
}

/** Run a program to its end. That it is missing, or fails, is an answer like any other. */
export async function runProgram(
  program: string,
  args: readonly string[],
  input = "",
): Promise<Result<Printed>> {
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn();
    const fed = feed(child.stdin, input);
    const { success, stdout, stderr } = await child.output();
    await fed;
    const printed = { out: decode(stdout), error: decode(stderr).trim() };
    return success ? ok(printed) : err(printed.error || `${program} failed`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return err(`${program} is not installed`);
    const reason = error instanceof Error ? error.message : String(error);
    return err(`Cannot run ${program}: ${reason}`);
  }
}

/** A program that fails may not read what it is given. */
async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
