import type { Refusal } from "./call.ts";
import type { FlowIndex, Session } from "./session.ts";
import type { Entry } from "./table.ts";

/** Why a session ended. */
export type EndReason = "command" | "dropped" | "silent" | "never-heard" | "replaced";

/** What happens to sessions, for the log and the counters. */
export type RelayEvent =
  | { readonly kind: "opened" | "updated" | "stale" | "resumed"; readonly session: Session }
  | {
    readonly kind: "ended";
    readonly session: Session;
    readonly reason: EndReason;
    /** What is known of its traffic. */
    readonly entry: Entry;
  }
  | {
    readonly kind: "refused";
    readonly instance: string;
    readonly callId: string;
    readonly refusal: Refusal;
  }
  | {
    readonly kind: "learned";
    readonly session: Session;
    readonly index: FlowIndex;
    readonly port: number;
  }
  | { readonly kind: "unknown-close"; readonly instance: string; readonly callId: string }
  | { readonly kind: "mended"; readonly pieces: number }
  | { readonly kind: "backend-error"; readonly message: string; readonly callId: string | null };

/** Takes events; must not throw. */
export type Listener = (event: RelayEvent) => void;
