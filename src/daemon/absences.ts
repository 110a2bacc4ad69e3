import type { Logger } from "../base/log.ts";
import type { Doors } from "./doors.ts";

/** Tells the log of sockets that cannot be served, once each. */
export class Absences {
  readonly #log: Logger;
  readonly #doors: Pick<Doors, "warnings">;
  #told: readonly string[] = [];

  constructor(log: Logger, doors: Pick<Doors, "warnings">) {
    this.#log = log;
    this.#doors = doors;
  }

  /** Tell what is new since the last look, and what is over. */
  look(): void {
    const now = this.#doors.warnings();
    for (const warning of now) if (!this.#told.includes(warning)) this.#log.warn(warning);
    for (const warning of this.#told) {
      if (!now.includes(warning)) this.#log.info("No longer so", { was: warning });
    }
    this.#told = now;
  }
}
