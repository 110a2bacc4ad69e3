import type { Session } from "./session.ts";

/** Whose RTP was heard in a session. */
export type HeardParties = "both" | "caller" | "callee" | "nobody";

/**
 * Whose RTP was heard since it was last told where the parties are, as their learned ports show.
 * Where ports are not learned, nothing shows.
 */
export function heardParties({ latches: [caller, , callee] }: Session): HeardParties {
  if (caller.locked !== 0) return callee.locked !== 0 ? "both" : "caller";
  return callee.locked !== 0 ? "callee" : "nobody";
}
