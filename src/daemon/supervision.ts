import { Inheritance } from "../control/inheritance.ts";
import { type InheritedDescriptor, inheritedDescriptors } from "../systemd/inherited.ts";
import { type Notifier, openNotifier } from "../systemd/notify.ts";
import { watchdogPeriodMs } from "../systemd/watchdog.ts";

/** Sockets are kept under a name that no others had, so that those of before can be closed by theirs. */
const GENERATION = /^generation-(\d+)$/;

/** What systemd, or whoever speaks its language, does for the daemon. */
export class Supervision implements Disposable {
  readonly notifier: Notifier;
  /** Control sockets of the daemon before this one. */
  readonly inheritance: Inheritance;
  /** How often a sign of life is due; null if nobody waits for one. */
  readonly watchdogPeriodMs: number | null;
  /** What the sockets that are kept now are called. */
  #kept: readonly string[];

  constructor(
    notifier: Notifier,
    inherited: readonly InheritedDescriptor[],
    periodMs: number | null,
  ) {
    const ours = inherited.filter(({ name }) => GENERATION.test(name));
    this.notifier = notifier;
    this.inheritance = new Inheritance(ours.map(({ fd }) => fd));
    this.watchdogPeriodMs = periodMs;
    this.#kept = [...new Set(ours.map(({ name }) => name))];
  }

  /** Have these sockets kept for the next daemon, instead of those that were kept until now. */
  keep(sockets: readonly number[]): void {
    const name = nextGeneration(this.#kept);
    for (const fd of sockets) this.notifier.storeSocket(fd, name);
    for (const old of this.#kept) this.notifier.forgetSockets(old);
    this.#kept = [name];
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
