import { readProcFile } from "../base/procfs.ts";

/** Columns of /proc/stat's first line: see proc(5). */
const SOFTIRQ = 6;
const TIMES = 8;

/** Ticks of all CPUs together. */
interface Ticks {
  readonly softirq: number;
  readonly all: number;
}

/** Tells which part of this machine's CPU time went into softirq since it was last asked. */
export class SoftirqShare {
  readonly #read: () => string | null;
  #last: Ticks | null = null;

  constructor(read: () => string | null = () => readProcFile("/proc/stat", 4096)) {
    this.#read = read;
  }

  /** Per cent; null the first time, and where nobody says. */
  take(): number | null {
    const now = parseTicks(this.#read() ?? "");
    const last = this.#last;
    this.#last = now;
    if (!now || !last || now.all <= last.all) return null;
    return 100 * (now.softirq - last.softirq) / (now.all - last.all);
  }
}

/** The ticks in the text of /proc/stat. */
export function parseTicks(text: string): Ticks | null {
  const line = /^cpu +([0-9 ]+)/m.exec(text)?.[1];
  const times = line?.trim().split(/ +/).slice(0, TIMES).map(Number);
  const softirq = times?.[SOFTIRQ];
  return times && softirq !== undefined
    ? { softirq, all: times.reduce((sum, time) => sum + time, 0) }
    : null;
}
