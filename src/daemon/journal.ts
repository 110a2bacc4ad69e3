import type { Clock } from "../base/clock.ts";
import { formatEndpoint, formatIpv4 } from "../base/ipv4.ts";
import { type Fields, type Logger, rateLimited } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { Refusal, RefusalReason } from "../core/call.ts";
import type { EndReason, RelayEvent } from "../core/events.ts";
import { type HeardParties, heardParties } from "../core/heard.ts";
import { FLOW_NAMES, legOf, type Session } from "../core/session.ts";
import type { Entry } from "../core/table.ts";

/** How long a refused call is worth a warning. */
export const REFUSALS_MS = 600_000;

/** What has happened since the daemon started. */
export interface RelayCounts {
  opened: number;
  updated: number;
  learned: number;
  unknownClose: number;
  stale: number;
  resumed: number;
  mended: number;
  backendErrors: number;
  readonly ended: Record<EndReason, number>;
  /** Sessions that are over, by whose RTP was heard in them. */
  readonly heard: Record<HeardParties, number>;
  readonly refused: Record<RefusalReason, number>;
}

/** Calls that were refused for one reason. */
export interface RecentRefusals {
  readonly calls: number;
  /** When the last one was, in monotonic milliseconds, and why. */
  readonly lastMs: number;
  readonly message: string;
}

/** Counts what happens to sessions and tells it to the log, every line with its Call-ID. */
export class Journal {
  readonly counts: RelayCounts = {
    opened: 0,
    updated: 0,
    learned: 0,
    unknownClose: 0,
    stale: 0,
    resumed: 0,
    mended: 0,
    backendErrors: 0,
    ended: { command: 0, dropped: 0, silent: 0, "never-heard": 0, replaced: 0 },
    heard: { both: 0, caller: 0, callee: 0, nobody: 0 },
    refused: {
      malformed: 0,
      "not-our-address": 0,
      "forbidden-remote": 0,
      collision: 0,
      "same-legs": 0,
      full: 0,
      kernel: 0,
    },
  };
  readonly #refusals = new Map<RefusalReason, RecentRefusals>();
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #config: () => Pick<Config, "log" | "logCalls">;
  readonly #limit: ReturnType<typeof rateLimited>;

  /** `config` is asked each time: it says whether the log takes debug lines, and the end of each call. */
  constructor(
    log: Logger,
    { clock, config }: { clock: Clock; config: () => Pick<Config, "log" | "logCalls"> },
  ) {
    this.#log = log;
    this.#clock = clock;
    this.#config = config;
    // One broken peer must not fill the disk; the counters miss nothing.
    this.#limit = rateLimited(clock, { perSeconds: 1, burst: 50 });
  }

  /** Take an event. */
  record(event: RelayEvent): void {
    switch (event.kind) {
      case "opened":
      case "updated":
      case "stale":
      case "resumed":
        this.counts[event.kind]++;
        return this.#debug(`Session ${event.kind}`, () => describe(event.session));
      case "ended":
        this.counts.ended[event.reason]++;
        this.counts.heard[heardParties(event.session)]++;
        return this.#recordEnd(event.entry, event.reason);
      case "refused":
        this.counts.refused[event.refusal.reason]++;
        this.#noteRefusal(event.refusal);
        return this.#warn("Call refused", {
          call: event.callId,
          instance: event.instance,
          reason: event.refusal.reason,
          detail: event.refusal.message,
        });
      case "learned": {
        this.counts.learned++;
        const signalled = legOf(event.session, event.index).remote.port + (event.index & 1);
        return this.#debug("Source port learned", () => ({
          call: event.session.callId,
          flow: FLOW_NAMES[event.index],
          port: event.port,
          signalled,
        }));
      }
      case "unknown-close":
        this.counts.unknownClose++;
        return this.#debug("Nothing to close", () => ({
          call: event.callId,
          instance: event.instance,
        }));
      case "mended":
        this.counts.mended++;
        return this.#log.warn("The kernel's table was changed by somebody else and is put right", {
          pieces: event.pieces,
        });
      case "backend-error":
        this.counts.backendErrors++;
        return this.#warn("The kernel refused a change", {
          call: event.callId,
          detail: event.message,
        });
    }
  }

  /** Calls that were refused of late, by reason: they got no media. */
  recentRefusals(): ReadonlyMap<RefusalReason, RecentRefusals> {
    const nowMs = this.#clock.now();
    return new Map([...this.#refusals].filter(([, { lastMs }]) => nowMs - lastMs < REFUSALS_MS));
  }

  #noteRefusal({ reason, message }: Refusal): void {
    const nowMs = this.#clock.now();
    const before = this.#refusals.get(reason);
    const calls = before && nowMs - before.lastMs < REFUSALS_MS ? before.calls + 1 : 1;
    this.#refusals.set(reason, { calls, lastMs: nowMs, message });
  }

  /** Note that commands could not be carried out because something threw. */
  recordFailure(error: unknown): void {
    this.counts.backendErrors++;
    this.#warn("Commands failed", {
      detail: error instanceof Error ? error.message : String(error),
    });
  }

  /** Whether a session that ends for this reason gets a line, for which its last counts are wanted. */
  tellsOfEnd(reason: EndReason): boolean {
    return reason !== "command" || this.#config().logCalls || this.#isVerbose();
  }

  #recordEnd(entry: Entry, reason: EndReason): void {
    const fields = (): Fields => ({
      ...describe(entry.session),
      reason,
      ...totals(entry, this.#clock.epoch()),
    });
    if (reason === "command" && !this.#config().logCalls) this.#debug("Session ended", fields);
    else this.#log.info("Session ended", fields());
  }

  #isVerbose(): boolean {
    return this.#config().log.level === "debug";
  }

  /** Ten thousand calls a second are not described for nobody. */
  #debug(message: string, fields: () => Fields): void {
    if (this.#isVerbose()) this.#log.debug(message, fields());
  }

  #warn(message: string, fields: Fields): void {
    this.#limit((suppressed) => this.#log.warn(message, { ...fields, suppressed }));
  }
}

/** What a session has carried, RTP and RTCP of either party apart, and for how long. */
function totals({ session, samples }: Entry, nowMs: number): Fields {
  const [callerRtp, callerRtcp, calleeRtp, calleeRtcp] = samples;
  return {
    durationSeconds: Math.max(0, Math.round((nowMs - session.createdMs) / 100) / 10),
    callerPackets: callerRtp.packets,
    callerBytes: callerRtp.bytes,
    callerRtcp: callerRtcp.packets,
    calleePackets: calleeRtp.packets,
    calleeBytes: calleeRtp.bytes,
    calleeRtcp: calleeRtcp.packets,
  };
}

function describe({ callId, instance, a, b }: Session): Fields {
  return {
    call: callId,
    instance,
    caller: formatEndpoint(a.remote),
    callee: formatEndpoint(b.remote),
    relay: `${formatIpv4(a.local.address)}:${a.local.port}/${formatEndpoint(b.local)}`,
  };
}
