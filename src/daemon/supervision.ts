import { Inheritance } from "../control/inheritance.ts";
import { type InheritedDescriptor, inheritedDescriptors } from "../systemd/inherited.ts";
import { type Notifier, openNotifier } from "../systemd/notify.ts";
import { watchdogPeriodMs } from "../systemd/watchdog.ts";

/** What sockets are kept under: the daemon's number, and the socket's. No two ever have the same name. */
const NAME = /^generation-(\d+)-\d+$/;

/** What systemd, or whoever speaks its language, does for the daemon. */
export class Supervision implements Disposable {
  readonly notifier: Notifier;
  /** Control sockets of the daemon before this one. */
  readonly inheritance: Inheritance;
  /** How often a sign of life is due; null if nobody waits for one. */
  readonly watchdogPeriodMs: number | null;
  readonly #generation: number;
  /** What the daemons before this one had kept, and by which names. */
  #predecessors: readonly InheritedDescriptor[];
  /** The sockets of this daemon that are kept now, and their names. */
  readonly #kept = new Map<number, string>();
  #named = 0;

  constructor(
    notifier: Notifier,
    inherited: readonly InheritedDescriptor[],
    periodMs: number | null,
  ) {
    const ours = inherited.filter(({ name }) => NAME.test(name));
    this.notifier = notifier;
    this.inheritance = new Inheritance(ours.map(({ fd }) => fd));
    this.watchdogPeriodMs = periodMs;
    this.#predecessors = ours;
    this.#generation = nextGeneration(ours.map(({ name }) => name));
  }

  /** Have these sockets kept for the next daemon, and none of those that were kept until now. */
  keep(sockets: readonly number[]): void {
    const isAdopted = ({ fd }: InheritedDescriptor): boolean => sockets.includes(fd);
    for (const { fd, name } of this.#predecessors.filter(isAdopted)) this.#kept.set(fd, name);
    // One that is kept already must not be kept again: systemd would know it by its old name alone.
    for (const fd of sockets.filter((each) => !this.#kept.has(each))) {
      const name = `generation-${this.#generation}-${++this.#named}`;
      this.notifier.storeSocket(fd, name);
      this.#kept.set(fd, name);
    }
    for (const [fd, name] of this.#kept) {
      if (sockets.includes(fd)) continue;
      this.notifier.forgetSockets(name);
      this.#kept.delete(fd);
    }
    const left = this.#predecessors.filter((each) => !isAdopted(each));
    for (const name of new Set(left.map((each) => each.name))) this.notifier.forgetSockets(name);
    this.#predecessors = [];
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

function nextGeneration(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => Number(NAME.exec(name)?.[1] ?? 0))) + 1;
}
