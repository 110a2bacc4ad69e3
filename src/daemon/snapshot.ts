import { cpuSeconds, maxFiles, openFiles } from "../base/process_use.ts";
import { VERSION } from "../base/version.ts";
import type { ProcessUse, Snapshot } from "../web/snapshot.ts";
import { type Census, takeCensus } from "./census.ts";
import type { LoopLag } from "./loop_lag.ts";
import type { Parts } from "./wiring.ts";

/** Strangers are read no oftener: in a flood of them there are thousands. */
const STRANGERS_EVERY_MS = 10_000;

/** What a {@link Recorder} looks at besides the daemon's parts. */
export interface RecorderParts {
  readonly parts: Parts;
  readonly lag: LoopLag;
  /** How many warnings `lrkproxy status` has. */
  readonly warnings: (census: Census) => number;
  /** Why no new call should come here; null if it may. */
  readonly notReady: () => string | null;
}

/** Gathers what metrics tell. */
export class Recorder {
  readonly #from: RecorderParts;
  readonly #startEpochSeconds: number;
  #strangers = { count: 0, readMs: -Infinity };

  constructor(from: RecorderParts) {
    this.#from = from;
    const { clock } = from.parts;
    this.#startEpochSeconds = (clock.epoch() - clock.now()) / 1000;
  }

  /** Everything as it is now. The sessions are looked at in parts, the rest at one moment. */
  async snapshot(): Promise<Snapshot> {
    const { parts, lag, warnings, notReady } = this.#from;
    const { config, relay, backend, paths, journal, inbox, netlink, clock } = parts;
    const { instances, session: { learning } } = config;
    const nowMs = clock.now();
    const census = await takeCensus(relay.parts.table.entries(), {
      ...{ instances, nowMs },
      pathOf: (entry) => paths.nameOf(entry),
    });
    // A page about a broken data path must not ask it for more.
    const isIntact = backend.probe() === null;
    return {
      version: VERSION,
      runtime: `deno ${Deno.version.deno}`,
      kmod: paths.view().kmod,
      isReady: notReady() === null,
      uptimeSeconds: clock.now() / 1000,
      process: this.#process(),
      loopLag: lag.histogram,
      warnings: isIntact ? warnings(census) : null,
      sessions: census.states,
      heard: learning === "once"
        ? {
          oneWay: census.oneWay.caller + census.oneWay.callee,
          ended: journal.counts.heard,
        }
        : null,
      room: isIntact ? Math.min(config.maxSessions, backend.room()) : config.maxSessions,
      ports: census.ports,
      events: journal.counts,
      media: isIntact ? backend.totals() : null,
      strangers: isIntact ? this.#countStrangers() : this.#strangers.count,
      control: { ...inbox.counts, verbs: inbox.meter.verbs },
      netlink,
      disturbances: backend.disturbances,
    };
  }

  #process(): ProcessUse {
    return {
      startEpochSeconds: this.#startEpochSeconds,
      cpuSeconds: cpuSeconds(),
      residentBytes: Deno.memoryUsage().rss,
      openFiles: openFiles(),
      maxFiles: maxFiles(),
    };
  }

  #countStrangers(): number {
    const { clock, backend } = this.#from.parts;
    if (clock.now() - this.#strangers.readMs >= STRANGERS_EVERY_MS) {
      this.#strangers = { count: backend.strangers().length, readMs: clock.now() };
    }
    return this.#strangers.count;
  }
}
