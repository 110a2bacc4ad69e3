import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { Inbox } from "../control/inbox.ts";
import type { Backend } from "../core/backend.ts";
import { Relay } from "../core/relay.ts";
import { Sources } from "../core/sources.ts";
import { SessionTable } from "../core/table.ts";
import { Upkeep } from "../core/upkeep.ts";
import { NftBackend } from "../nft/backend.ts";
import type { NetlinkMeter } from "../nft/netlink_meter.ts";
import { RelayEngine } from "./engine.ts";
import { Journal } from "./journal.ts";
import { admissions, guardedRanges, localAddresses } from "./media.ts";

/** Kernel sets cannot grow while calls use them, so they are not made for a small number of sessions. */
const LEAST_ROOM = 32_768;

/** The parts of a daemon, put together. */
export interface Parts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly backend: Backend;
  readonly netlink: NetlinkMeter;
  readonly journal: Journal;
  readonly relay: Relay;
  /** Null where ports are not learned. */
  readonly sources: Sources | null;
  readonly upkeep: Upkeep;
  readonly engine: RelayEngine;
  readonly inbox: Inbox;
}

/** Build the object graph of a daemon. Nothing in it runs yet. */
export function wire(config: Config, { clock, log }: { clock: Clock; log: Logger }): Parts {
  const backend = new NftBackend({
    maxSessions: Math.max(config.maxSessions, LEAST_ROOM),
    ranges: guardedRanges(config.instances),
  });
  const journal = new Journal(log, { clock, isVerbose: config.log.level === "debug" });
  const admission = admissions(config.instances, config.session, localAddresses());
  const relay = new Relay({
    table: new SessionTable(),
    backend,
    clock,
    limits: config.session,
    maxSessions: config.maxSessions,
    admission: (instance) => admission.get(instance),
    emit: (event) => {
      if (event.kind === "opened") engine.noteOpened(event.session);
      journal.record(event);
    },
  });
  const upkeep = new Upkeep(relay);
  const engine = new RelayEngine(relay, upkeep, config.instances);
  const { learning, relearnConfirmSeconds } = config.session;
  const sources = learning === "once" ? new Sources(relay, relearnConfirmSeconds) : null;
  const inbox = new Inbox(engine, (error) => journal.recordFailure(error));
  const netlink = backend.meter;
  return { config, clock, log, backend, netlink, journal, relay, sources, upkeep, engine, inbox };
}
