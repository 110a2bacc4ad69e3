import { pause } from "../../base/loop.ts";
import type { DrainView, StatusView } from "../../control/admin.ts";
import type { CommonOptions, DrainArguments, TextOutput } from "../args.ts";
import { CommandFailure, query } from "../daemon_query.ts";
import { duration } from "../output.ts";

const POLL_MS = 500;

/** `lrkproxy drain`: the answer is the exit code. */
export async function drain(
  options: CommonOptions & DrainArguments,
  { out }: Pick<TextOutput, "out">,
): Promise<number> {
  const { timeout = null, ring, off = false, wait } = options;
  // It is asked for first: whoever answers after this one has gone is another daemon.
  const { pid } = await status(options);
  if (off) {
    await query(options, { command: "drain", off });
    out("The daemon takes calls again.\n");
    return 0;
  }
  const request = { command: "drain", off, timeoutSeconds: timeout, ringSeconds: ring } as const;
  const response = await query(options, request);
  const view = "drain" in response ? response.drain : null;
  if (view) out(`${drainText(view)}\n`);
  return wait ? await untilGone(options, { pid, out, said: view?.callsLeft }) : 0;
}

/** How a drain goes, in one line. */
export function drainText({ seconds, callsLeft, stopsInSeconds }: DrainView): string {
  const end = stopsInSeconds === null ? "" : `, stops in ${duration(stopsInSeconds)} at the latest`;
  return `draining for ${duration(seconds)}: ${callsText(callsLeft)} left${end}`;
}

/** What `show` says at its end while the daemon drains. */
export function drainNote(view: DrainView | null): string {
  return view ? `=> The daemon takes no new calls (${drainText(view)}).\n` : "";
}

async function untilGone(
  options: CommonOptions,
  { pid, out, said }: {
    readonly pid: number;
    readonly out: TextOutput["out"];
    readonly said: number | undefined;
  },
): Promise<number> {
  const { signal } = new AbortController();
  for (let last = said;;) {
    const now = await statusOrNull(options);
    if (now === null || now.pid !== pid) {
      out("The daemon has stopped.\n");
      return 0;
    }
    if (now.drain === null) throw new CommandFailure("the drain was called off", 1);
    if (now.drain.callsLeft !== last) out(`${callsText(now.drain.callsLeft)} left\n`);
    last = now.drain.callsLeft;
    await pause(POLL_MS, signal);
  }
}

async function status(options: CommonOptions): Promise<StatusView> {
  const response = await query(options, { command: "status" });
  if ("status" in response) return response.status;
  throw new CommandFailure("the daemon does not say how it is", 1);
}

async function statusOrNull(options: CommonOptions): Promise<StatusView | null> {
  try {
    return await status(options);
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === 3) return null;
    throw error;
  }
}

function callsText(calls: number): string {
  return `${calls} call${calls === 1 ? "" : "s"}`;
}
