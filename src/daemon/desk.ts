import { readLink } from "../base/procfs.ts";
import { VERSION } from "../base/version.ts";
import {
  type AdminRequest,
  type AdminResponse,
  type InstanceView,
  type PathRequest,
  type PeerView,
  type ResponseText,
  SCHEMA,
  type SessionReport,
  type SessionView,
  type StatusView,
} from "../control/admin.ts";
import type { InstanceConfig } from "../config/config.ts";
import { instanceText } from "../config/instance_text.ts";
import type { Entry } from "../core/table.ts";
import { allStates, type Census, type InstancePorts, takeCensus } from "./census.ts";
import type { Machine } from "./machine.ts";
import { areDrainOptions } from "./drain.ts";
import type { Reload } from "./reload.ts";
import { type Moment, sessionReport, sessionView } from "./views.ts";
import { REFUSALS_MS } from "./journal.ts";
import {
  oneWayWarning,
  refusalWarnings,
  remediesOf,
  roomWarning,
  strangerWarning,
} from "./warnings.ts";
import type { Parts } from "./wiring.ts";

/** How many sessions are read before Kamailio gets its turn. */
const READ_AT_ONCE = 200;
/** Up to so many sessions are looked at twice if once does not tell who is silent, so long apart. */
const FEW_SESSIONS = 1000;
const LOOK_AGAIN_MS = 500;
/** What is known of a flow to so many seconds needs no second look. */
const CERTAIN_SECONDS = 1;

/** Answers the command line. */
export class Desk {
  readonly #parts: Parts;
  readonly #machine: Pick<Machine, "state" | "waysOf">;
  readonly #stop: () => void;
  readonly #reload: Reload;
  readonly #configPath: string | undefined;
  readonly #notServed: () => readonly string[];
  #dropsCalls = false;

  constructor(
    parts: Parts,
    { machine, stop, reload, configPath, notServed }: {
      readonly machine: Pick<Machine, "state" | "waysOf">;
      readonly stop: () => void;
      readonly reload: Reload;
      /** Where the configuration was read. */
      readonly configPath?: string;
      /** Warnings of sockets that wait for their address. */
      readonly notServed: () => readonly string[];
    },
  ) {
    this.#parts = parts;
    this.#machine = machine;
    this.#stop = stop;
    this.#reload = reload;
    this.#configPath = configPath;
    this.#notServed = notServed;
  }

  /** Whether the calls are to end with the daemon. */
  get dropsCalls(): boolean {
    return this.#dropsCalls;
  }

  /** What somebody should see to. */
  warnings({ oneWay }: Pick<Census, "oneWay">): readonly string[] {
    const { backend, config, journal, inbox } = this.#parts;
    const strangers = inbox.peers.strangersAlone(performance.now() - REFUSALS_MS);
    return [
      ...this.#notServed(),
      ...this.#machine.state.warnings,
      ...refusalWarnings(journal.recentRefusals()),
      ...strangers.map(strangerWarning),
      ...roomWarning(backend.room(), config.maxSessions),
      ...config.session.learning === "once" ? oneWayWarning(oneWay) : [],
    ];
  }

  /** Answer one question. */
  answer(request: AdminRequest): AdminResponse | ResponseText | Promise<AdminResponse> {
    switch (request.command) {
      case "status":
        return this.#status();
      case "sessions":
        return this.#sessions();
      case "show":
        return this.#show(request.callId);
      case "drop": {
        const dropped = this.#parts.relay.end(this.#find(request.callId), "dropped");
        return { schema: SCHEMA, dropped };
      }
      case "stop":
        this.#dropsCalls = request.drop;
        this.#stop();
        return { schema: SCHEMA, stopping: true };
      case "reload":
        return this.#reloaded();
      case "path":
        return this.#path(request);
      case "drain":
        return this.#drain(request);
      default:
        return { schema: SCHEMA, error: `Unknown command: the daemon is lrkproxy ${VERSION}` };
    }
  }

  async #reloaded(): Promise<AdminResponse> {
    const result = await this.#reload();
    return result.ok
      ? { schema: SCHEMA, reload: result.value }
      : { schema: SCHEMA, error: `the configuration stays as it was\n${result.error}` };
  }

  async #path({ callId, instance, path }: PathRequest): Promise<AdminResponse> {
    if (!["nft", "kmod", "auto"].includes(path)) {
      return { schema: SCHEMA, error: "Cannot do that: a path is nft, kmod or auto" };
    }
    const { config, paths } = this.#parts;
    if (instance !== undefined && !config.instances.some(({ name }) => name === instance)) {
      return { schema: SCHEMA, error: `Cannot do that: there is no instance "${instance}"` };
    }
    // A word about a call that there is not would never be taken back.
    if (callId !== undefined && this.#find(callId).length === 0) {
      return { schema: SCHEMA, path: { sessions: 0, kmod: 0, obstacle: null } };
    }
    const scope = callId !== undefined ? { callId } : instance !== undefined ? { instance } : "all";
    const view = await paths.send(scope, path === "auto" ? null : path);
    return { schema: SCHEMA, path: view };
  }

  #drain(request: Extract<AdminRequest, { command: "drain" }>): AdminResponse {
    const { drain, log } = this.#parts;
    if (request.off) {
      if (drain.isOn) log.info("Draining is called off; calls are taken again");
      drain.end();
    } else if (areDrainOptions(request)) {
      const { timeoutSeconds, ringSeconds } = request;
      drain.begin({ timeoutSeconds, ringSeconds });
      const callsLeft = drain.view()?.callsLeft;
      log.info("Draining: no new calls, and the daemon stops after the last one", {
        callsLeft,
        timeoutSeconds: timeoutSeconds ?? undefined,
      });
    } else {
      return { schema: SCHEMA, error: "Cannot drain: times are seconds, 0 or more" };
    }
    return { schema: SCHEMA, drain: drain.view() };
  }

  #find(callId: string): readonly Entry[] {
    return this.#parts.relay.parts.table.withCallId(callId);
  }

  /** All sessions as text, a part at a time: as one object they would be the largest thing here. */
  async *#sessions(): ResponseText {
    const entries = [...this.#parts.relay.parts.table.entries()];
    if (entries.length <= FEW_SESSIONS) await this.#lookTwice(entries);
    yield `{"schema":${SCHEMA},"sessions":[`;
    for (let at = 0, separator = ""; at < entries.length; at += READ_AT_ONCE) {
      const views = this.#read(entries.slice(at, at + READ_AT_ONCE));
      yield views.map(([view]) => {
        const text = separator + JSON.stringify(view);
        separator = ",";
        return text;
      }).join("");
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    yield "]}";
  }

  async #show(callId: string): Promise<AdminResponse> {
    const entries = this.#find(callId);
    await this.#lookTwice(entries);
    return {
      schema: SCHEMA,
      reports: this.#reports(entries),
      drain: this.#parts.drain.view(),
      namespace: networkNamespace(),
    };
  }

  #reports(entries: readonly Entry[]): readonly SessionReport[] {
    const { paths, backend } = this.#parts;
    const [strangers, tooBig] = [backend.strangers(), backend.tooBig()];
    const { warnings } = this.#machine.state;
    return this.#read(entries).map(([view, entry]) => {
      const ways = this.#machine.waysOf(entry.session, tooBig);
      return sessionReport(view, entry, { strangers, loss: paths.lossOf(entry), warnings, ways });
    });
  }

  /** A count that has grown since it was last read, long ago, does not tell whether it still grows. */
  async #lookTwice(entries: readonly Entry[]): Promise<void> {
    const isUncertain = ({ caller, callee }: SessionView): boolean =>
      [caller, callee].some(({ rtp: { ageSeconds, ageAtMostSeconds } }) =>
        ageSeconds !== null && ageSeconds <= CERTAIN_SECONDS &&
        (ageAtMostSeconds ?? 0) > CERTAIN_SECONDS
      );
    for (let at = 0, views = 0; at < entries.length; at += READ_AT_ONCE) {
      views += this.#read(entries.slice(at, at + READ_AT_ONCE))
        .filter(([view]) => isUncertain(view)).length;
      const isLast = at + READ_AT_ONCE >= entries.length;
      const waitMs = isLast && views > 0 ? LOOK_AGAIN_MS : 0;
      if (!isLast || waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Those of the entries that are still there, with their latest counts. */
  #read(entries: readonly Entry[]): readonly [SessionView, Entry][] {
    const { relay, upkeep, paths } = this.#parts;
    const current = entries.filter((entry) => relay.parts.table.has(entry));
    upkeep.refresh(current);
    const moment = this.#moment();
    return current.map((entry) => [sessionView(entry, paths.pathOf(entry), moment), entry]);
  }

  async #status(): Promise<AdminResponse> {
    const { relay, clock, paths, config } = this.#parts;
    const census = await takeCensus(relay.parts.table.entries(), {
      ...{ instances: config.instances, nowMs: clock.now() },
      pathOf: (entry) => paths.nameOf(entry),
    });
    return { schema: SCHEMA, status: this.#statusView(census) };
  }

  #statusView(census: Census): StatusView {
    const { journal, inbox, backend, paths, config } = this.#parts;
    const warnings = this.warnings(census);
    return {
      version: VERSION,
      pid: Deno.pid,
      ...this.#configPath === undefined ? {} : { config: this.#configPath },
      uptimeSeconds: Math.round(this.#moment().nowMs / 1000),
      path: backend.name,
      paths: paths.view(),
      sessions: { ...allStates(census), unread: census.unread },
      oneWay: config.session.learning === "once" ? census.oneWay : null,
      instances: config.instances.map((instance) => this.#instance(instance, census.ports)),
      control: { ...inbox.counts },
      staleLimitSeconds: config.session.staleLimitSeconds,
      peers: this.#peers(),
      relay: { ...journal.counts },
      sysctls: this.#machine.state.sysctls,
      warnings,
      remedies: warnings.map(remediesOf),
      rssBytes: Deno.memoryUsage().rss,
      drain: this.#parts.drain.view(),
    };
  }

  /** Who sends commands; whoever has not asked since the start is held to go by what was in force then. */
  #peers(): readonly PeerView[] {
    const { inbox, current: { settings: { addressed } } } = this.#parts;
    return inbox.peers.view(performance.now(), Date.now()).map((peer) => {
      const first = addressed.get(peer.instance)?.first;
      if (peer.told || !first) return peer;
      const told = { internal: first.internalIp, external: first.externalIp, sinceMs: null };
      return { ...peer, told };
    });
  }

  #instance(instance: InstanceConfig, ports: readonly InstancePorts[]): InstanceView {
    const { name } = instance;
    const use = ports.find((each) => each.instance === name);
    return {
      ...instanceText(instance),
      portsInUse: use?.inUse ?? 0,
      nextPort: this.#parts.engine.configOf(name).currentPort,
      calls: use?.calls ?? 0,
      room: use?.room ?? 0,
    };
  }

  #moment(): Moment {
    const { clock } = this.#parts;
    return { nowMs: clock.now(), epochMs: clock.epoch() };
  }
}

/** The network namespace that this process is in. */
function networkNamespace(): string | null {
  return readLink("/proc/self/ns/net");
}
