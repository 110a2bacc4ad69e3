/** What the shell scripts measured, as they write it down: a line a figure, fields separated by tabs. */

/** One round of one way of forwarding: all CPU time, a frame. */
export interface Frame {
  readonly sessions: number;
  readonly way: string;
  readonly round: number;
  readonly cpuNs: number;
}

/** One run of traffic/control_load.c. */
export interface Latency {
  readonly name: string;
  readonly requests: number;
  readonly ok: number;
  readonly refused: number;
  readonly wrong: number;
  readonly lost: number;
  readonly seconds: number;
  readonly medianUs: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

/** Everything one run measured. */
export interface Results {
  readonly frames: readonly Frame[];
  readonly latencies: readonly Latency[];
  /** Single figures; the unit is in the name. */
  readonly values: ReadonlyMap<string, number>;
}

/** Read the file that the scripts wrote. */
export function readResults(text: string): Results {
  const lines = text.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
  const ofKind = (kind: string) => lines.filter(([first]) => first === kind);
  return {
    frames: ofKind("frame").map(([, sessions, way = "", round, cpuNs]) => ({
      sessions: number(sessions),
      way,
      round: number(round),
      cpuNs: number(cpuNs),
    })),
    latencies: ofKind("latency").map(([, name = "", ...figures]) => latency(name, figures)),
    values: new Map(ofKind("value").map(([, name = "", value]) => [name, number(value)])),
  };
}

function latency(name: string, figures: readonly string[]): Latency {
  const [requests, ok, refused, wrong, lost, seconds, medianUs, p99Us, maxUs] = figures;
  return {
    name,
    requests: number(requests),
    ok: number(ok),
    refused: number(refused),
    wrong: number(wrong),
    lost: number(lost),
    seconds: number(seconds),
    medianUs: number(medianUs),
    p99Us: number(p99Us),
    maxUs: number(maxUs),
  };
}

function number(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || text === "" || Number.isNaN(value)) {
    throw new Error(`Cannot read results: "${text}" is no number`);
  }
  return value;
}
