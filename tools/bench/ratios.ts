/** From rounds to ratios. */
import type { Frame } from "./results.ts";

/** One way of forwarding over all rounds. Net is without what the floor costs in the same round. */
export interface WayCost {
  readonly way: string;
  readonly minNs: number;
  readonly medianNs: number;
  readonly netNs: number;
  /** Net cost to that of plain forwarding. */
  readonly toPlain: number;
  /** Net cost to that of conntrack NAT. */
  readonly toConntrack: number;
  /** Net cost to that of conntrack NAT that counts packets and bytes, as the relay does. */
  readonly toCounting: number;
}

/** All ways at one number of sessions. */
export interface ForwardingCost {
  readonly sessions: number;
  readonly ways: readonly WayCost[];
}

const FLOOR = "floor";

/**
 * A ratio is taken within a round, then the median over rounds: the machine's speed changes from one
 * round to the next and would otherwise pass for a difference between ways.
 */
export function forwardingCosts(frames: readonly Frame[]): ForwardingCost[] {
  return [...Map.groupBy(frames, ({ sessions }) => sessions)].map(([sessions, ofSize]) => {
    const rounds = [...Map.groupBy(ofSize, ({ round }) => round).values()].map(toRound);
    const ways = [...new Set(ofSize.map(({ way }) => way))];
    return { sessions, ways: ways.map((way) => wayCost(way, rounds)) };
  });
}

type Round = ReadonlyMap<string, number>;

function toRound(frames: readonly Frame[]): Round {
  return new Map(frames.map(({ way, cpuNs }) => [way, cpuNs]));
}

function wayCost(way: string, rounds: readonly Round[]): WayCost {
  const totals = rounds.map((round) => cost(round, way));
  const ratioTo = (other: string) =>
    median(rounds.map((round) => net(round, way) / net(round, other)));
  return {
    way,
    minNs: Math.min(...totals),
    medianNs: median(totals),
    netNs: median(rounds.map((round) => net(round, way))),
    toPlain: ratioTo("plain"),
    toConntrack: ratioTo("conntrack"),
    toCounting: ratioTo("counting"),
  };
}

function net(round: Round, way: string): number {
  return cost(round, way) - cost(round, FLOOR);
}

function cost(round: Round, way: string): number {
  const ns = round.get(way);
  if (ns === undefined) throw new Error(`Cannot compare: a round has no "${way}"`);
  return ns;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const high = sorted[Math.floor(middle)] ?? NaN;
  const low = sorted[Math.ceil(middle) - 1] ?? NaN;
  return (low + high) / 2;
}
