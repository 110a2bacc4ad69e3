import type { InstanceConfig } from "../config/config.ts";
import type { Engine } from "../control/inbox.ts";
import type { EngineConfig } from "../control/reply.ts";
import type { Command } from "../core/plan.ts";
import { nextPort } from "../core/ports.ts";
import type { Outcome, Relay } from "../core/relay.ts";
import type { Session } from "../core/session.ts";
import type { Upkeep } from "../core/upkeep.ts";

/** What the control sockets talk to. */
export class RelayEngine implements Engine {
  readonly #relay: Relay;
  readonly #upkeep: Upkeep;
  readonly #instanceOf: (name: string) => InstanceConfig | undefined;
  /** By instance: the port behind those that Kamailio took last. */
  readonly #cursors = new Map<string, number>();
  readonly #currentPorts = new Map<
    string,
    { readonly instance: InstanceConfig; readonly revision: number; readonly port: number }
  >();

  /** `instanceOf` is asked each time, for a reload may change an instance. */
  constructor(
    relay: Relay,
    upkeep: Upkeep,
    instanceOf: (name: string) => InstanceConfig | undefined,
  ) {
    this.#relay = relay;
    this.#upkeep = upkeep;
    this.#instanceOf = instanceOf;
  }

  /** Carry out commands; once more from the first that fails because the data path is damaged. */
  async handle(commands: readonly Command[]): Promise<readonly Outcome[]> {
    const outcomes = this.#relay.handle(commands);
    const first = outcomes.findIndex(isDamage);
    if (first < 0) return outcomes;
    await this.#upkeep.watch();
    // What came behind the first failure was decided without it, and commands bear repeating.
    return [...outcomes.slice(0, first), ...this.#relay.handle(commands.slice(first))];
  }

  configOf(name: string): EngineConfig {
    const instance = this.#instanceOf(name);
    if (!instance) throw new Error(`There is no instance "${name}"`);
    const { startPort, endPort, internalIp, externalIp } = instance;
    return { startPort, endPort, currentPort: this.#currentPort(instance), internalIp, externalIp };
  }

  /** Note the ports of a session that Kamailio has just opened, or that was found at the start. */
  noteOpened({ instance, a, b }: Session): void {
    this.#cursors.set(instance, Math.max(a.local.port, b.local.port) + 2);
  }

  #currentPort(instance: InstanceConfig): number {
    const { revision } = this.#relay.parts.table;
    const known = this.#currentPorts.get(instance.name);
    if (known?.revision === revision && known.instance === instance) return known.port;
    const cursor = this.#cursors.get(instance.name) ?? instance.currentPort;
    const port = nextPort(instance, this.#usedPorts(instance.name), cursor);
    this.#currentPorts.set(instance.name, { instance, revision, port });
    return port;
  }

  *#usedPorts(name: string): Generator<number> {
    for (const { session, state } of this.#relay.parts.table.entries()) {
      if (session.instance !== name || state === "stale") continue;
      yield session.a.local.port;
      yield session.b.local.port;
    }
  }
}

function isDamage(outcome: Outcome): boolean {
  return !outcome.ok && outcome.error.reason === "kernel";
}
