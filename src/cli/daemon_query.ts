import { VERSION } from "../base/version.ts";
import { formatErrors, readConfig } from "../config/load.ts";
import { type AdminRequest, type AdminResponse, askDaemon } from "../control/admin.ts";
import { DEFAULT_CONFIG } from "../config/commands.ts";
import type { CommonOptions } from "./args.ts";

/** Where the daemon's admin socket is if no configuration says so. */
const DEFAULT_SOCKET = "/run/lrkproxy/admin.sock";

/** A command that ends with a message on stderr and this exit code. */
export class CommandFailure extends Error {
  constructor(message: string, readonly exitCode: 1 | 3 | 78) {
    super(message);
  }
}

/** Ask the daemon that the options point to. Throws a {@link CommandFailure} when none answers. */
export async function query(options: CommonOptions, request: AdminRequest): Promise<AdminResponse> {
  const path = options.socket ?? await configuredSocket(options.config);
  try {
    const response = await askDaemon(path, request);
    if ("error" in response) throw new CommandFailure(response.error, 1);
    return response;
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      `Cannot reach the daemon at ${path}: ${reason}\n` +
        "Is it running? `systemctl start lrkproxy` starts the service, `lrkproxy run` one in the " +
        "foreground; --socket or --config points to another one.",
      3,
    );
  }
}

/** Warn when the daemon is newer than this program. */
export function versionWarning(daemon: string): string | null {
  return daemon === VERSION
    ? null
    : `warning: this is lrkproxy ${VERSION}, the daemon is ${daemon}: restart it after an upgrade\n`;
}

/** A configuration that somebody names must be good: the command would reach another daemon. */
async function configuredSocket(path: string): Promise<string> {
  if (path === DEFAULT_CONFIG && !await isThere(path)) return DEFAULT_SOCKET;
  const config = await readConfig(path);
  if (config.ok) return config.value.adminSocket;
  const errors = formatErrors(config.error).trimEnd();
  throw new CommandFailure(
    `the configuration cannot be used, so the daemon's socket is not known (--socket names it)\n${errors}`,
    1,
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** That there is no such call, and where to look whether it was refused. */
export function noSession(callId: string): CommandFailure {
  return new CommandFailure(
    `there is no session with the Call-ID "${callId}" (if it was refused, the log says why: ` +
      `journalctl -t lrkproxy CALL_ID=${callId})`,
    1,
  );
}
