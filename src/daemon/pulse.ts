import type { Clock } from "../base/clock.ts";
import type { Notifier } from "../systemd/notify.ts";

/** What there is to say of the daemon. */
export interface PulseSource {
  /** One line for `systemctl status`. */
  describe(): string;
  /** Ask the data path something; throws if it does not answer. */
  probe(): void;
}

/**
 * Tells the supervisor how the daemon is. It calls the daemon alive only if the loop that looks after
 * the kernel's table has come round lately and the kernel has just answered: a process that merely
 * exists carries no new calls.
 */
export class Pulse {
  readonly #notifier: Notifier;
  readonly #clock: Clock;
  readonly #source: PulseSource;
  #status = "";
  #turnedMs: number;

  constructor(notifier: Notifier, clock: Clock, source: PulseSource) {
    this.#notifier = notifier;
    this.#clock = clock;
    this.#source = source;
    this.#turnedMs = clock.now();
  }

  /** Note that the loop that looks after the kernel's table has come round. */
  turned(): void {
    this.#turnedMs = this.#clock.now();
  }

  /** Say how the daemon is, if that has changed. */
  tellStatus(): void {
    const status = this.#source.describe();
    if (status === this.#status) return;
    this.#status = status;
    this.#notifier.status(status);
  }

  /** Give a sign of life if `periodMs` has not passed without one. Throws what the probe throws. */
  beat(periodMs: number): void {
    this.#source.probe();
    if (this.#clock.now() - this.#turnedMs <= periodMs) this.#notifier.watchdog();
  }
}

/** How many sessions there are, and what carries them. */
export function statusLine(sessions: number, path: string): string {
  const count = String(sessions).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${count} ${sessions === 1 ? "session" : "sessions"} through ${path}`;
}
