import type { FlowCount } from "./backend.ts";
import { type FlowIndex, hasLearned } from "./session.ts";
import type { Entry } from "./table.ts";

/** How long a session may be silent, in seconds. */
export interface Limits {
  /** Silent for so long, a session is stale: it still relays, but its ports count as free. */
  readonly timeoutSeconds: number;
  /** Silent for so long, a session that was heard before is removed. */
  readonly staleLimitSeconds: number;
  /** A session that nobody was ever heard of is removed after so long. */
  readonly unheardLimitSeconds: number;
  /** Media within so long makes a session live: nothing may take its ports. */
  readonly liveWindowSeconds: number;
}

/** Take over freshly read counts, null for a flow that was not read. True if any has grown. */
export function takeCounts(
  entry: Entry,
  counts: readonly (FlowCount | null)[],
  nowMs: number,
): boolean {
  let grown = false;
  entry.samples.forEach((sample, index) => {
    const count = counts[index];
    if (!count) return;
    if (count.packets > sample.packets) {
      sample.heardMs = nowMs;
      sample.heardAfterMs = sample.readMs;
      entry.liveliest = index as FlowIndex;
      grown = true;
    }
    sample.packets = count.packets;
    sample.bytes = count.bytes;
    sample.readMs = nowMs;
  });
  if (grown) entry.heardMs = entry.aliveMs = nowMs;
  entry.sampledMs = nowMs;
  return grown;
}

/** Whether anything was ever heard of the session. */
export function wasHeard(entry: Entry): boolean {
  return entry.samples.some((sample) => sample.heardMs !== null) || hasLearned(entry.session);
}

/** What the silence of a session calls for. */
export type Verdict = "active" | "unheard" | "stale" | "remove";

/** Judge a session whose counts have just been read. */
export function judgeSilence(entry: Entry, limits: Limits, nowMs: number): Verdict {
  const silentSeconds = (nowMs - entry.aliveMs) / 1000;
  const heard = wasHeard(entry);
  if (silentSeconds >= (heard ? limits.staleLimitSeconds : limits.unheardLimitSeconds)) {
    return "remove";
  }
  if (silentSeconds >= limits.timeoutSeconds) return "stale";
  return heard ? "active" : "unheard";
}

/** Whether media moved within the last seconds, as far as the last reading shows. */
export function isLive(entry: Entry, limits: Limits, nowMs: number): boolean {
  return wasHeard(entry) && nowMs - entry.heardMs < limits.liveWindowSeconds * 1000;
}
