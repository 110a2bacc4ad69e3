import type { PathRequest, PathView } from "../../control/admin.ts";
import type { CommonOptions, TextOutput } from "../args.ts";
import { CommandFailure, noSession, query } from "../daemon_query.ts";

/** What `lrkproxy path` was told. */
export interface PathArguments {
  /** A Call-ID, or `all`. */
  readonly callId: string;
  readonly path: PathRequest["path"];
  readonly options: CommonOptions & { readonly instance?: string; readonly json?: boolean };
}

/** `lrkproxy path`: the answer is the exit code. */
export async function sendByPath(
  { callId, path, options }: PathArguments,
  { out }: Pick<TextOutput, "out">,
): Promise<number> {
  const { instance, json } = options;
  const isAll = callId === "all";
  if (instance !== undefined && !isAll) {
    throw new CommandFailure("--instance goes with all: a Call-ID says enough by itself", 1);
  }
  const scope = isAll ? (instance === undefined ? {} : { instance }) : { callId };
  const response = await query(options, { command: "path", path, ...scope });
  if (!("path" in response)) throw new CommandFailure("the daemon does not know paths", 1);
  const view = response.path;
  if (!isAll && view.sessions === 0) {
    throw noSession(callId);
  }
  out(json ? `${JSON.stringify(response)}\n` : pathText(view));
  if (path === "kmod" && view.obstacle !== null) {
    throw new CommandFailure(
      `not all could be moved: ${view.obstacle}\nThey are as soon as that is over.`,
      1,
    );
  }
  return 0;
}

/** Where sessions are now, in one line. */
export function pathText({ sessions, kmod }: PathView): string {
  const count = `${sessions} session${sessions === 1 ? "" : "s"}`;
  return `${count}: ${kmod} in the kernel module, ${sessions - kmod} in nftables alone.\n`;
}
