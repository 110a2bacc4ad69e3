import { Histogram } from "../base/histogram.ts";

/** What Kamailio asks: P, G, S, D; `other` is a request that makes no sense. */
export type Verb = "P" | "G" | "S" | "D" | "other";

/** Every {@link Verb}. */
export const VERBS: readonly Verb[] = ["P", "G", "S", "D", "other"];

/** The answers to one verb. */
export interface VerbMeter {
  ok: number;
  refused: number;
  /** Seconds from when a request was taken from its socket to when the answer was handed over. */
  readonly latency: Histogram;
}

/** Counts answers by verb, when they are given: what still waits is in none of its numbers. */
export class CommandMeter {
  readonly verbs: Readonly<Record<Verb, VerbMeter>> = {
    P: verbMeter(),
    G: verbMeter(),
    S: verbMeter(),
    D: verbMeter(),
    other: verbMeter(),
  };

  /** Note an answer to a request that was received at `receivedMs`, on the monotonic clock. */
  answered(verb: Verb, { accepted, receivedMs }: { accepted: boolean; receivedMs: number }): void {
    const meter = this.verbs[verb];
    if (accepted) meter.ok++;
    else meter.refused++;
    meter.latency.observe((performance.now() - receivedMs) / 1000);
  }
}

function verbMeter(): VerbMeter {
  return { ok: 0, refused: 0, latency: new Histogram() };
}
