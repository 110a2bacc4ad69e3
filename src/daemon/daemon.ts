import { systemClock } from "../base/clock.ts";
import { anyContains, formatAddress } from "../base/cidr.ts";
import { openLog, rateLimited } from "../base/log.ts";
import { every, pause } from "../base/loop.ts";
import { nameProcess } from "../base/process_name.ts";
import { VERSION } from "../base/version.ts";
import type { Config, InstanceConfig } from "../config/config.ts";
import { serveAdmin } from "../control/admin.ts";
import type { Inheritance } from "../control/inheritance.ts";
import { serveUdp, type UdpServer } from "../control/udp.ts";
import { removeDeadSocket, serveUnix } from "../control/unix.ts";
import type { Sources } from "../core/sources.ts";
import { Desk } from "./desk.ts";
import { lockNamespace } from "./lock.ts";
import { collectGarbage, MemoryKeeper } from "./memory.ts";
import { type MediaState, prepareMedia } from "./machine.ts";
import { Pulse, statusLine } from "./pulse.ts";
import { serveMetrics } from "./serve_metrics.ts";
import { type Keepable, openSupervision, type Supervision } from "./supervision.ts";
import { type Parts, wire } from "./wiring.ts";

/** How often the ports that parties speak from are looked at: the other leg follows in 200 ms. */
const FOLLOW_MS = 50;
const CONFIRM_MS = 1000;
const SAMPLE_MS = 250;
/** A table deleted by somebody else is back within a second. */
const WATCH_MS = 100;
const MACHINE_MS = 5000;
const MEMORY_MS = 1000;
const STATUS_MS = 1000;

/** Run the daemon until it is told to stop. What it throws keeps it from starting. */
export async function runDaemon(config: Config): Promise<void> {
  nameProcess();
  await using log = openLog(config.log);
  log.info("lrkproxy starts", { version: VERSION, pid: Deno.pid });
  for (const note of config.notes) log.warn(note);
  using _lock = lockNamespace();
  using supervision = openSupervision();
  await Deno.mkdir(config.adminSocket.replace(/\/[^/]*$/, "") || "/", { recursive: true });
  await removeDeadSocket(config.adminSocket);

  const stop = new AbortController();
  const parts = wire(config, { clock: systemClock, log });
  await using _backend = parts.backend;
  const machine = { state: prepareMedia(config, log, null) };
  const desk = new Desk(parts, { machine, stop: () => stop.abort() });
  await using _admin = serveAdmin(config.adminSocket, (request) => desk.answer(request));
  await adopt(parts);
  await using sockets = await openControlSockets(parts, supervision);
  await using _metrics = await serveMetrics(parts, {
    warnings: () => desk.warnings().length,
    notReady: () => parts.backend.probe(),
  });
  onSignals(stop, log.reopen);
  supervision.notifier.ready();
  log.info("lrkproxy is ready", {
    sessions: parts.relay.parts.table.size,
    path: parts.backend.name,
  });
  await runLoops(parts, { machine, supervision }, stop.signal);
  supervision.notifier.stopping();
  await sockets.disposeAsync();
  const sessions = parts.relay.parts.table.size;
  if (desk.dropsCalls) {
    await parts.backend.remove();
    log.info("lrkproxy stops and has ended its calls", { sessions });
  } else {
    log.info("lrkproxy stops; the kernel goes on relaying", { sessions });
  }
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

async function openControlSockets(
  parts: Parts,
  supervision: Supervision,
): Promise<AsyncDisposableStack> {
  const { inheritance, notifier } = supervision;
  await using opened = new AsyncDisposableStack();
  const servers: Keepable[] = [];
  for (const instance of parts.config.instances) {
    if (instance.udp) {
      servers.push(opened.use(openUdp(parts, instance, { ...instance.udp, inheritance })));
    }
    if (instance.unix) {
      const options = { instance: instance.name, inheritance, isKept: notifier.isHeard };
      servers.push(opened.use(await serveUnix(parts.inbox, { ...options, ...instance.unix })));
      parts.log.info("Listening", { instance: instance.name, socket: instance.unix.path });
    }
  }
  supervision.keep(servers);
  return opened.move();
}

function openUdp(
  { config, inbox, log, clock }: Parts,
  { name }: InstanceConfig,
  { host, port, inheritance }: {
    readonly host: string;
    readonly port: number;
    readonly inheritance: Inheritance;
  },
): UdpServer {
  const limit = rateLimited(clock, { perSeconds: 60, burst: 3 });
  const server = serveUdp(inbox, {
    instance: name,
    hostname: host,
    port,
    inheritance,
    receiveBufferBytes: config.receiveBufferBytes,
    allows: (address) => anyContains(config.controlAllow, address),
    onStranger: (address) =>
      limit((suppressed) =>
        log.warn(
          "Command dropped: the peer is not in [UDP socket] allow; add it there to accept it",
          { peer: formatAddress(address), instance: name, suppressed },
        )
      ),
  });
  const { receiveBufferBytes: buffer } = server;
  log.info("Listening", { instance: name, socket: `udp:${host}:${port}`, buffer });
  return server;
}

function onSignals(stop: AbortController, reopen: () => void): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => stop.abort());
  }
  Deno.addSignalListener("SIGHUP", reopen);
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
  { machine, supervision }: {
    readonly machine: { state: MediaState };
    readonly supervision: Supervision;
  },
  signal: AbortSignal,
): Promise<void> {
  const { sources, upkeep, log, clock, config } = parts;
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
  const keeper = new MemoryKeeper(Deno.memoryUsage().rss);
  const loops = [
    loop(SAMPLE_MS, () => upkeep.sample()),
    loop(WATCH_MS, async () => {
      await upkeep.watch();
      pulse.turned();
    }),
    loop(STATUS_MS, () => pulse.tellStatus()),
    loop(MEMORY_MS, () => tidyMemory(keeper, parts)),
    loop(MACHINE_MS, () => {
      machine.state = prepareMedia(config, log, machine.state);
    }),
    // What was left half-done by a daemon that was killed is put right while calls go on.
    upkeep.mend().catch(onError),
  ];
  signal.addEventListener("abort", () => upkeep.close());
  const { watchdogPeriodMs: beatMs } = supervision;
  if (beatMs !== null) loops.push(loop(beatMs, () => pulse.beat(beatMs)));
  if (sources) {
    loops.push(loop(FOLLOW_MS, () => followAll(sources, signal)));
    loops.push(loop(CONFIRM_MS, () => sources.confirm()));
  }
  await Promise.all(loops);
}
