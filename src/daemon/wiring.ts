import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { Inbox } from "../control/inbox.ts";
import type { Backend, BackendOptions } from "../core/backend.ts";
import { Promotion } from "../core/promotion.ts";
import { Relay } from "../core/relay.ts";
import { Sources } from "../core/sources.ts";
import type { Session } from "../core/session.ts";
import { SessionTable } from "../core/table.ts";
import { TwoPaths } from "../core/two_paths.ts";
import { Upkeep } from "../core/upkeep.ts";
import { KmodFastPath } from "../kmod/fast_path.ts";
import { NftBackend } from "../nft/backend.ts";
import type { NetlinkMeter } from "../nft/netlink_meter.ts";
import { Drain } from "./drain.ts";
import { RelayEngine } from "./engine.ts";
import { toldOf } from "./former_addresses.ts";
import { Journal } from "./journal.ts";
import { localNetwork } from "./media.ts";
import { PathKeeper } from "./path_keeper.ts";
import { type Current, instanceOf, type Settings, settingsOf } from "./settings.ts";
import { SoftirqShare } from "./softirq.ts";

/** Kernel sets cannot grow while calls use them, so they are not made for a small number of sessions. */
const LEAST_ROOM = 32_768;

/** The parts of a daemon, put together. */
export interface Parts {
  /** The configuration in force: a reload changes it, so ask each time. */
  readonly config: Config;
  readonly current: Current;
  readonly clock: Clock;
  readonly log: Logger;
  readonly backend: Backend;
  readonly netlink: NetlinkMeter;
  readonly journal: Journal;
  readonly relay: Relay;
  readonly sources: Sources;
  readonly upkeep: Upkeep;
  readonly engine: RelayEngine;
  readonly inbox: Inbox;
  readonly drain: Drain;
  readonly paths: PathKeeper;
}

/** What a daemon's parts are put together with. */
export interface WiringOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each session that is opened or updated, before Kamailio hears of it. */
  readonly note: (session: Session, isNew: boolean) => void;
}

/** Build the object graph of a daemon. Nothing in it runs yet. */
export function wire(config: Config, { clock, log, note }: WiringOptions): Parts {
  const current: Current = { settings: settingsOf(config, localNetwork().addresses) };
  const session = (): Config["session"] => current.settings.config.session;
  const promotion = new Promotion(() => current.settings.config.paths);
  const nft = new NftBackend(backendOptions(current.settings));
  const backend = new TwoPaths(nft, new KmodFastPath(), (session) => promotion.wants(session));
  const journal = new Journal(log, { clock, config: () => current.settings.config });
  const table = new SessionTable();
  const relay = new Relay({
    table,
    backend,
    clock,
    get limits() {
      return session();
    },
    get maxSessions() {
      return current.settings.config.maxSessions;
    },
    admission: (instance) => current.settings.admissions.get(instance),
    isCounted: (reason) => journal.tellsOfEnd(reason),
    emit: (event) => {
      if (event.kind === "opened") engine.noteOpened(event.session);
      if (event.kind === "opened" || event.kind === "updated") {
        note(event.session, event.kind === "opened");
      }
      if (event.kind === "ended" && table.withCallId(event.session.callId).length === 0) {
        promotion.forget(event.session.callId);
      }
      journal.record(event);
    },
  });
  const upkeep = new Upkeep(relay);
  const engine = new RelayEngine(relay, upkeep, (name) => instanceOf(current.settings, name));
  const sources = new Sources(relay, () => session().relearnConfirmSeconds);
  const drain = new Drain(clock, () => callsLeft(relay.parts.table));
  const onError = (error: unknown): void => journal.recordFailure(error);
  const inbox = new Inbox(engine, onError, () => drain.isOn);
  inbox.peers.tells = (name) => {
    const instance = drain.isOn ? undefined : instanceOf(current.settings, name);
    return instance ? toldOf(instance) : null;
  };
  const netlink = nft.meter;
  const softirq = new SoftirqShare();
  const paths = new PathKeeper({
    ...{ paths: backend, promotion, table, clock, log },
    softirqPercent: () => softirq.take(),
  });
  return {
    get config() {
      return current.settings.config;
    },
    ...{ current, clock, log, backend, netlink, journal, relay, sources, upkeep, engine, inbox },
    ...{ drain, paths },
  };
}

/** Calls that somebody may still be talking in. */
function callsLeft(table: SessionTable): number {
  let calls = 0;
  for (const { state } of table.entries()) if (state !== "stale") calls++;
  return calls;
}

/** What the data path is to know of settings. */
export function backendOptions({ config, ranges }: Settings): BackendOptions {
  return { maxSessions: Math.max(config.maxSessions, LEAST_ROOM), ranges };
}
