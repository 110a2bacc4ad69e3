import type { Totals } from "../core/backend.ts";
import type { RefusalReason } from "../core/call.ts";
import type { EndReason } from "../core/events.ts";
import type { HeardParties } from "../core/heard.ts";
import type { SessionState } from "../core/table.ts";
import type { PathName } from "../core/two_paths.ts";
import type { Distribution } from "./exposition.ts";

/** The ports of an instance's range, RTP and RTCP ones. */
export interface PortUse {
  readonly instance: string;
  readonly inUse: number;
  readonly free: number;
}

/** Answers to one verb. */
export interface VerbCounts {
  readonly ok: number;
  readonly refused: number;
  readonly latency: Distribution;
}

/** What the process takes from the machine; null for what cannot be known. */
export interface ProcessUse {
  readonly startEpochSeconds: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly openFiles: number | null;
  readonly maxFiles: number | null;
}

/** Everything that metrics tell, at one moment. Counts are since the start of the daemon. */
export interface Snapshot {
  readonly version: string;
  /** The version of Deno. */
  readonly runtime: string;
  /** The kernel module; null while it cannot be used. */
  readonly kmod: {
    readonly flows: number;
    readonly room: number;
    readonly dropped: Readonly<Record<string, number>>;
    readonly left: Readonly<Record<string, number>>;
  } | null;
  readonly isReady: boolean;
  readonly uptimeSeconds: number;
  readonly process: ProcessUse;
  readonly loopLag: Distribution;
  /** Lines of warning in `lrkproxy status`; null while the data path cannot be asked. */
  readonly warnings: number | null;
  /** By data path and state. */
  readonly sessions: Readonly<Record<PathName, Readonly<Record<SessionState, number>>>>;
  /** Null where ports are not learned, and so nothing shows whose RTP was heard. */
  readonly heard: {
    readonly oneWay: number;
    readonly ended: Readonly<Record<HeardParties, number>>;
  } | null;
  /** How many sessions there may be at most. */
  readonly room: number;
  readonly ports: readonly PortUse[];
  readonly events: {
    readonly opened: number;
    readonly updated: number;
    readonly stale: number;
    readonly resumed: number;
    readonly learned: number;
    readonly unknownClose: number;
    readonly mended: number;
    readonly backendErrors: number;
    readonly ended: Readonly<Record<EndReason, number>>;
    readonly refused: Readonly<Record<RefusalReason, number>>;
  };
  /** Null while the data path cannot be asked. */
  readonly media: Totals | null;
  /** How many senders were turned away in the last minutes. */
  readonly strangers: number;
  readonly control: {
    readonly verbs: Readonly<Record<string, VerbCounts>>;
    readonly garbage: number;
    readonly stranger: number;
  };
  readonly netlink: {
    readonly latency: Distribution;
    readonly refused: number;
    readonly failed: number;
  };
  /** How often somebody else was at work in nf_tables. */
  readonly disturbances: number;
}
