import { Inheritance } from "../control/inheritance.ts";
import { type InheritedDescriptor, inheritedDescriptors } from "../systemd/inherited.ts";
import { type Notifier, openNotifier } from "../systemd/notify.ts";
import { watchdogPeriodMs } from "../systemd/watchdog.ts";

/** Each daemon keeps its sockets under a name of its own, so that it can have its predecessor's closed. */
const GENERATION = /^generation-(\d+)$/;

/** A server whose socket is to outlive this process. */
export interface Keepable {
  readonly fd: number;
}

/** What systemd, or whoever speaks its language, does for the daemon. */
export class Supervision implements Disposable {
  readonly notifier: Notifier;
  /** Control sockets of the daemon before this one. */
  readonly inheritance: Inheritance;
  /** How often a sign of life is due; null if nobody waits for one. */
  readonly watchdogPeriodMs: number | null;
  readonly #predecessors: readonly string[];

  constructor(
    notifier: Notifier,
    inherited: readonly InheritedDescriptor[],
    periodMs: number | null,
  ) {
    const ours = inherited.filter(({ name }) => GENERATION.test(name));
    this.notifier = notifier;
    this.inheritance = new Inheritance(ours.map(({ fd }) => fd));
    this.watchdogPeriodMs = periodMs;
    this.#predecessors = [...new Set(ours.map(({ name }) => name))];
  }

  /** Have the sockets of these servers kept for the next daemon, instead of those of the last one. */
  keep(servers: readonly Keepable[]): void {
    const name = nextGeneration(this.#predecessors);
    for (const { fd } of servers) this.notifier.storeSocket(fd, name);
    for (const old of this.#predecessors) this.notifier.forgetSockets(old);
    this.inheritance.closeRest();
  }

  [Symbol.dispose](): void {
    this.notifier[Symbol.dispose]();
  }
}

/** Find out who supervises this process and what it has handed over. */
export function openSupervision(): Supervision {
  return new Supervision(openNotifier(), inheritedDescriptors(), watchdogPeriodMs());
}

function nextGeneration(names: readonly string[]): string {
  const numbers = names.map((name) => Number(GENERATION.exec(name)?.[1] ?? 0));
  return `generation-${Math.max(0, ...numbers) + 1}`;
}
