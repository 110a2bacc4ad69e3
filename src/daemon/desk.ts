import { hostText } from "../base/cidr.ts";
import { VERSION } from "../base/version.ts";
import {
  type AdminRequest,
  type AdminResponse,
  type InstanceView,
  type PathRequest,
  type ResponseText,
  SCHEMA,
  type SessionReport,
  type SessionView,
  type StatusView,
} from "../control/admin.ts";
import type { InstanceConfig } from "../config/config.ts";
import type { Entry } from "../core/table.ts";
import { countStates } from "./census.ts";
import type { MediaState } from "./machine.ts";
import { areDrainOptions } from "./drain.ts";
import type { Reload } from "./reload.ts";
import { type Moment, sessionReport, sessionView } from "./views.ts";
import type { Parts } from "./wiring.ts";

/** How many sessions are read before Kamailio gets its turn. */
const READ_AT_ONCE = 200;

/** Answers the command line. */
export class Desk {
  readonly #parts: Parts;
  readonly #machine: { readonly state: MediaState };
  readonly #stop: () => void;
  readonly #reload: Reload;
  readonly #configPath: string | undefined;
  #dropsCalls = false;

  constructor(
    parts: Parts,
    { machine, stop, reload, configPath }: {
      readonly machine: { readonly state: MediaState };
      readonly stop: () => void;
      readonly reload: Reload;
      /** Where the configuration was read. */
      readonly configPath?: string;
    },
  ) {
    this.#parts = parts;
    this.#machine = machine;
    this.#stop = stop;
    this.#reload = reload;
    this.#configPath = configPath;
  }

  /** Whether the calls are to end with the daemon. */
  get dropsCalls(): boolean {
    return this.#dropsCalls;
  }

  /** What somebody should see to. */
  warnings(): readonly string[] {
    const { backend, config } = this.#parts;
    const room = backend.room();
    const tight = room < config.maxSessions
      ? [`The kernel's table has room for ${room} sessions`]
      : [];
    return [...this.#machine.state.warnings, ...tight];
  }

  /** Answer one question. */
  answer(request: AdminRequest): AdminResponse | ResponseText | Promise<AdminResponse> {
    switch (request.command) {
      case "status":
        return { schema: SCHEMA, status: this.#status() };
      case "sessions":
        return this.#sessions();
      case "show":
        return {
          schema: SCHEMA,
          reports: this.#reports(this.#find(request.callId)),
          drain: this.#parts.drain.view(),
        };
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

  #reports(entries: readonly Entry[]): readonly SessionReport[] {
    const strangers = this.#parts.backend.strangers();
    const { paths } = this.#parts;
    return this.#read(entries).map(([view, entry]) =>
      sessionReport(view, entry, { strangers, loss: paths.lossOf(entry) })
    );
  }

  /** Those of the entries that are still there, with their latest counts. */
  #read(entries: readonly Entry[]): readonly [SessionView, Entry][] {
    const { relay, upkeep, paths } = this.#parts;
    const current = entries.filter((entry) => relay.parts.table.has(entry));
    upkeep.refresh(current);
    const moment = this.#moment();
    return current.map((entry) => [sessionView(entry, paths.pathOf(entry), moment), entry]);
  }

  #status(): StatusView {
    const { relay, journal, inbox, backend, paths, config } = this.#parts;
    return {
      version: VERSION,
      pid: Deno.pid,
      ...this.#configPath === undefined ? {} : { config: this.#configPath },
      uptimeSeconds: Math.round(this.#moment().nowMs / 1000),
      path: backend.name,
      paths: paths.view(),
      sessions: countStates(relay.parts.table.entries()),
      instances: config.instances.map((instance) => this.#instance(instance)),
      control: { ...inbox.counts },
      peers: inbox.peers.view(performance.now()),
      relay: { ...journal.counts },
      sysctls: this.#machine.state.sysctls,
      warnings: this.warnings(),
      rssBytes: Deno.memoryUsage().rss,
      drain: this.#parts.drain.view(),
    };
  }

  #instance(instance: InstanceConfig): InstanceView {
    const { name, udp, unix, internalIp, externalIp, startPort, endPort } = instance;
    const control = [
      ...udp ? [`udp:${hostText(udp.host)}:${udp.port}`] : [],
      ...unix ? [`unix:${unix.path}`] : [],
    ];
    const carried = (advertised: string, local: string): string =>
      advertised === local ? advertised : `${advertised} (${local})`;
    return {
      name,
      control,
      internal: carried(internalIp, instance.internalLocal),
      external: carried(externalIp, instance.externalLocal),
      ports: `${startPort}-${endPort}`,
      portsInUse: this.#parts.engine.portsInUse(name),
      nextPort: this.#parts.engine.configOf(name).currentPort,
    };
  }

  #moment(): Moment {
    const { clock } = this.#parts;
    return { nowMs: clock.now(), epochMs: clock.epoch() };
  }
}
