import type { Endpoint, Ipv4 } from "../base/ipv4.ts";
import type { Flow, FlowKey, Session } from "./session.ts";

/**
 * One step of a session's life as a data path sees it. The sessions in `before` stop being carried
 * and `after` starts, at one instant: a session that stands on both sides keeps its packet counts.
 */
export interface Change {
  readonly before: readonly Session[];
  readonly after: Session | null;
}

/** Why a data path could not make a change. */
export interface BackendError {
  /**
   * `full`: no room for another session. `conflict`: what is carried differs from `before`.
   * `unfit`: the session cannot be carried as it is.
   */
  readonly kind: "full" | "conflict" | "unfit" | "broken";
  readonly message: string;
}

/** A source port that an open flow was heard from. */
export interface LearnedPort {
  readonly key: FlowKey;
  readonly port: number;
}

/** What a flow has carried since its session was opened. */
export interface FlowCount {
  readonly packets: number;
  readonly bytes: number;
  /** Those packets that came from the locked port while it was locked. */
  readonly lockedPackets: number;
}

/** Packets and bytes, IP and UDP headers included. */
export interface Amount {
  readonly packets: number;
  readonly bytes: number;
}

/** What was relayed of a flow elsewhere, from its locked port. */
export interface Credit extends Amount {
  readonly flow: Flow;
}

/**
 * What a data path has done with all packets for relay sockets. Each only grows, whatever becomes of
 * sessions and daemons, until the data path itself is made anew.
 */
export interface Totals {
  readonly relayed: Amount;
  /** Dropped because the receiver is on hold. */
  readonly held: Amount;
  /** Dropped because nobody had sent for them. */
  readonly refused: Amount;
}

/** Packets to a relay socket from somebody who has no business there. */
export interface Stranger {
  readonly key: FlowKey;
  readonly port: number;
  readonly packets: number;
  readonly bytes: number;
}

/** Relayed packets that did not fit a link on their way out, as their senders were told by ICMP. */
export interface TooBig {
  /** The relay's socket that they left from, and where they went. */
  readonly from: Endpoint;
  readonly to: Endpoint;
  /** The longest IP packet that fits. */
  readonly mtuBytes: number;
  readonly packets: number;
}

/** Addresses and ports that are the relay's own, so that what nobody sent for can be dropped. */
export interface GuardedRange {
  readonly address: Ipv4;
  readonly startPort: number;
  readonly endPort: number;
}

/** The sessions that ought to be carried, as they are at the moment of asking. */
export interface Ledger {
  sessions(): Iterable<Session>;
  /** The session that a flow belongs to. */
  owner(key: FlowKey): Session | undefined;
  /** The present form of a session. */
  get(session: Session): Session | undefined;
  /** Whether nobody cares any more; long work ends early then. */
  isClosed(): boolean;
}

/** What a data path needs to know of the configuration. */
export interface BackendOptions {
  /** Room that is made for sessions when the data path is set up. */
  readonly maxSessions: number;
  /** Where the relay's sockets are: what nobody sent for is dropped there. */
  readonly ranges: readonly GuardedRange[];
}

/**
 * A way of carrying flows. Calls return once the data path has confirmed them; none of them waits
 * for a packet. The contract suite in `tests/contract/` says what every data path must do.
 */
export interface Backend extends AsyncDisposable {
  readonly name: string;
  /** Make the data path ready, keeping what it already carries; the answer is what that is. */
  attach(): Promise<readonly Session[]>;
  /** Make the changes in their order, each whole or not at all; null where one is confirmed. */
  apply(changes: readonly Change[]): readonly (BackendError | null)[];
  /**
   * The ports that open flows were heard from, each reported once. The data path forgets them at
   * the call; thousands may be among them, so they are made as they are asked for.
   */
  takeLearned(): Iterator<LearnedPort>;
  /** The counts of flows, null for one that the data path does not carry. */
  count(flows: readonly Flow[]): readonly (FlowCount | null)[];
  /** Add to the counts of flows what was relayed of them elsewhere; best effort. */
  credit(credits: readonly Credit[]): void;
  /** What has become of all packets so far. Cheap: its cost does not grow with the sessions. */
  totals(): Totals;
  /** Who was turned away lately, at most a few thousand. */
  strangers(): readonly Stranger[];
  /** The indexes of the interfaces by which packets of open flows came in lately. */
  arrivals(): readonly number[];
  /** Whose packets did not fit lately, at most a few thousand. */
  tooBig(): readonly TooBig[];
  /** Cheap test whether the data path is still as this daemon left it. */
  isIntact(probe: readonly Session[]): boolean;
  /** Whether the data path could take a call now: null, or why not. It changes nothing. */
  probe(): string | null;
  /** How many sessions the data path has room for. */
  room(): number;
  /** How often {@link isIntact} has found that somebody else was at work where ours could suffer. */
  readonly disturbances: number;
  /**
   * Make the data path carry exactly what the ledger says, beside everything else that goes on.
   * The answer counts the pieces that were missing, wrong or left over.
   */
  restore(ledger: Ledger): Promise<number>;
  /**
   * Go by another number of sessions and other guarded ranges. Throws if the data path does not
   * take them; then the former ones are still in force.
   */
  reconfigure(options: BackendOptions): void;
  /** Stop carrying anything and leave no trace. */
  remove(): Promise<void>;
}
