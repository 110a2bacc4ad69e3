/** What the two sides write down for report.ts: one JSON object a line. */
import type { Leak } from "./leaks.ts";

/** Which message an SDP came in. */
export type Carrier = "offer" | "answer" | "ack";

export type Event =
  /** A line of SDP that leads past the relay; `text` is the whole message. */
  | {
    readonly event: "leak";
    readonly index: number;
    readonly carrier: Carrier;
    readonly leak: Leak;
    readonly text: string;
  }
  /** An INVITE and what became of it: status 0 for no answer, `last` the status that came last. */
  | CallEvent
  /** The caller is done, or Kamailio makes no calls any more: `suspects` were the last. */
  | {
    readonly event: "end";
    readonly seconds: number;
    readonly suspects: readonly number[];
    readonly next: number;
  }
  /** The callee has answered, and at the end of the run no ACK has come. */
  | { readonly event: "unacknowledged"; readonly index: number }
  /** The callee is done: SDP bodies that came, and those of them with the relay's address. */
  | {
    readonly event: "bodies";
    readonly carrier: Carrier;
    readonly all: number;
    readonly relayed: number;
  };

export interface CallEvent {
  readonly event: "call";
  readonly index: number;
  /** The final status, 0 if none came. */
  readonly status: number;
  /** The last status of any kind, 0 if none came. */
  readonly last: number;
  /** The status of the answer to BYE, 0 if none came; absent if none was sent. */
  readonly bye?: number;
  /** What was said with the final status. */
  readonly reason: string;
}

/** Reads a file of events; a missing one has none. */
export function readEvents(text: string): readonly Event[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Event);
}
