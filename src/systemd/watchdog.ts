import type { Environment } from "./notify.ts";

/** Who looks after this process wants to hear from it three times in that time. */
const SIGNS_IN_TIME = 3;

/** How often a sign of life is due, in milliseconds; null if nobody waits for one. */
export function watchdogPeriodMs(
  environment: Environment = (name) => Deno.env.get(name),
  pid = Deno.pid,
): number | null {
  const owner = environment("WATCHDOG_PID");
  if (owner !== undefined && owner !== String(pid)) return null;
  const microseconds = Number(environment("WATCHDOG_USEC"));
  return microseconds > 0 ? microseconds / 1000 / SIGNS_IN_TIME : null;
}
