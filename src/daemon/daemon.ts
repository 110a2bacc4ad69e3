import { systemClock } from "../base/clock.ts";
import { openLog, rateLimited } from "../base/log.ts";
import { every, pause } from "../base/loop.ts";
import { nameProcess } from "../base/process_name.ts";
import { VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import type { Session } from "../core/session.ts";
import type { Sources } from "../core/sources.ts";
import { Absences } from "./absences.ts";
import { adminDoor, controlDoors } from "./control_sockets.ts";
import { Desk } from "./desk.ts";
import { Doors, type Wish } from "./doors.ts";
import { Drainer } from "./drain.ts";
import { lockNamespace } from "./lock.ts";
import { collectGarbage, MemoryKeeper } from "./memory.ts";
import { Pulse, statusLine } from "./pulse.ts";
import { Machine } from "./machine.ts";
import { makeReload, type Reload } from "./reload.ts";
import { metricsDoors } from "./serve_metrics.ts";
import { openSupervision, type Supervision } from "./supervision.ts";
import { type Parts, wire } from "./wiring.ts";

/** How often the ports that parties speak from are looked at: the other leg follows in 200 ms. */
const FOLLOW_MS = 50;
const CONFIRM_MS = 1000;
const SAMPLE_MS = 250;
/** A table deleted by somebody else is back within a second. */
const WATCH_MS = 100;
const MACHINE_MS = 5000;
const NETWORK_MS = 250;
const DRAIN_MS = 250;
const MEMORY_MS = 1000;
const PATHS_MS = 250;
const STATUS_MS = 1000;
/** How soon an address that has come is served. */
const ADDRESSES_MS = 250;

/**
 * Run the daemon until it is told to stop. `path` is where `config` was read, for a reload. What it
 * throws keeps it from starting.
 */
export async function runDaemon(config: Config, path: string): Promise<void> {
  nameProcess();
  await using log = openLog(config.log);
  log.info("lrkproxy starts", { version: VERSION, pid: Deno.pid });
  for (const note of config.notes) log.warn(note);
  using _lock = lockNamespace();
  using supervision = openSupervision();

  const stop = new AbortController();
  const note = (session: Session, isNew: boolean): void => machine.note(session, isNew);
  const parts = wire(config, { clock: systemClock, log, note });
  await using _backend = parts.backend;
  using machine = openMachine(parts, absolutePath(path));
  await using doors = new Doors();
  let isStarting = true;
  const { inheritance, notifier } = supervision;
  const wishes = (wanted: Config): readonly Wish[] => [
    adminDoor(wanted, (request) => desk.answer(request)),
    ...controlDoors(parts, wanted, { inheritance, isKept: notifier.isHeard }),
    ...metricsDoors(parts, wanted, {
      sources: {
        warnings: (census) => desk.warnings(census).length,
        notReady: () => notReady(parts),
      },
      isOptional: isStarting,
    }),
  ];
  const onChange = (): void => {
    machine.look();
    supervision.keep(doors.kept);
  };
  const absences = new Absences(log, doors);
  const reload = announced(
    makeReload({ parts, log, path, doors, wishes, onChange }),
    supervision,
  );
  const desk = new Desk(parts, {
    machine,
    stop: () => stop.abort(),
    reload,
    configPath: absolutePath(path),
    notServed: () => doors.warnings(),
  });
  await (await doors.prepare(wishes(config).slice(0, 1))).commit();
  await adopt(parts);
  await (await doors.prepare(wishes(config))).commit();
  supervision.keep(doors.kept);
  absences.look();
  isStarting = false;
  onSignals(stop, () => void reload());
  notifier.ready();
  log.info("lrkproxy is ready", {
    sessions: parts.relay.parts.table.size,
    path: parts.backend.name,
  });
  const lookForAddresses = async (): Promise<void> => {
    if (await doors.look()) supervision.keep(doors.kept);
    absences.look();
  };
  await runLoops(parts, { machine, supervision, lookForAddresses }, stop);
  notifier.stopping();
  await doors[Symbol.asyncDispose]();
  const sessions = parts.relay.parts.table.size;
  if (desk.dropsCalls) {
    await parts.backend.remove();
    log.info("lrkproxy stops and has ended its calls", { sessions });
  } else {
    log.info("lrkproxy stops; the kernel goes on relaying", { sessions });
  }
}

function openMachine({ current, relay, backend, clock, log, inbox }: Parts, path: string): Machine {
  const { table } = relay.parts;
  return new Machine({ current, table, backend, clock, log, peers: inbox.peers, path });
}

/** The path of a file for somebody who is in another folder. */
function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** Why no new call should come here; null if there is nothing against it. */
function notReady({ drain, backend }: Parts): string | null {
  return drain.isOn ? "draining" : backend.probe();
}

/** Take over what the kernel carries already. */
async function adopt({ backend, relay, engine, log, config }: Parts): Promise<void> {
  const sessions = await backend.attach();
  const room = backend.room();
  if (room < config.maxSessions) {
    log.warn(
      "The kernel's table is of a former start and has less room than [kernel] max_sessions",
      {
        room,
        remedy: "lrkproxy stop --drop, when the calls are done",
      },
    );
  }
  const byAge = sessions.toSorted((one, other) => one.createdMs - other.createdMs);
  for (const session of byAge) {
    relay.adopt(session);
    engine.noteOpened(session);
  }
  if (sessions.length > 0) {
    log.info("Sessions taken over from the kernel", { sessions: sessions.length });
  }
}

/** Tell whoever supervises the daemon when a reload begins and ends, however it ends. */
function announced(reload: Reload, { notifier }: Supervision): Reload {
  return async () => {
    notifier.reloading();
    try {
      return await reload();
    } finally {
      notifier.ready();
    }
  };
}

function onSignals(stop: AbortController, reload: () => void): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => stop.abort());
  }
  Deno.addSignalListener("SIGHUP", reload);
}

function tidyMemory(keeper: MemoryKeeper, { clock, inbox }: Parts): void {
  const requests = Object.values(inbox.counts).reduce((sum, count) => sum + count, 0);
  const rssBytes = Deno.memoryUsage().rss;
  if (!keeper.isDue({ nowMs: clock.now(), rssBytes, requests })) return;
  collectGarbage();
  keeper.done(clock.now(), Deno.memoryUsage().rss);
}

/** Thousands may speak up at once after a pause; Kamailio gets its turn in between. */
async function followAll(sources: Sources, signal: AbortSignal): Promise<void> {
  while (sources.follow()) await pause(1, signal);
}

async function runLoops(
  parts: Parts,
  { machine, supervision, lookForAddresses }: {
    readonly machine: Machine;
    readonly supervision: Supervision;
    readonly lookForAddresses: () => Promise<void>;
  },
  stop: AbortController,
): Promise<void> {
  const { sources, upkeep, log, clock } = parts;
  const { signal } = stop;
  const limit = rateLimited(clock, { perSeconds: 10, burst: 3 });
  const onError = (error: unknown): void =>
    limit((suppressed) => {
      const detail = error instanceof Error ? error.message : String(error);
      log.error("Upkeep failed", { detail, suppressed });
    });
  const loop = (periodMs: number, task: () => void | Promise<void>): Promise<void> =>
    every(periodMs, signal, { task, onError });
  const pulse = new Pulse(supervision.notifier, clock, {
    describe: () => statusLine(parts.relay.parts.table.size, parts.backend.name),
    probe: () => void parts.backend.room(),
  });
  const learns = (): boolean => parts.config.session.learning === "once";
  const drainer = new Drainer(parts, () => stop.abort());
  const keeper = new MemoryKeeper(Deno.memoryUsage().rss);
  const loops = [
    loop(SAMPLE_MS, () => upkeep.sample()),
    loop(WATCH_MS, async () => {
      await upkeep.watch();
      pulse.turned();
    }),
    loop(PATHS_MS, () => parts.paths.look()),
    loop(STATUS_MS, () => pulse.tellStatus()),
    loop(MEMORY_MS, () => tidyMemory(keeper, parts)),
    loop(MACHINE_MS, () => machine.look()),
    loop(NETWORK_MS, () => machine.follow(signal)),
    loop(DRAIN_MS, () => drainer.look()),
    loop(ADDRESSES_MS, lookForAddresses),
    loop(FOLLOW_MS, () => learns() ? followAll(sources, signal) : undefined),
    loop(CONFIRM_MS, () => learns() ? sources.confirm() : undefined),
    // What was left half-done by a daemon that was killed is put right while calls go on.
    upkeep.mend().catch(onError),
  ];
  signal.addEventListener("abort", () => upkeep.close());
  const { watchdogPeriodMs: beatMs } = supervision;
  if (beatMs !== null) loops.push(loop(beatMs, () => pulse.beat(beatMs)));
  await Promise.all(loops);
}
