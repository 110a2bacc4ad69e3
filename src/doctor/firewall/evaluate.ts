import type { Chain, NumberField, Packet, Range, Rule, Table, Test, WordField } from "./model.ts";

/** Whether a rule matches: "some" depends on who the remote party is, "unknown" on what we cannot read. */
export type Match = "yes" | "no" | "some" | "unknown";

/** A rule that may have decided otherwise. */
export interface Doubt {
  readonly rule: Rule;
  readonly effect: "accept" | "drop" | "return" | "unknown";
  readonly match: "some" | "unknown";
}

/** What a base chain does with a packet. */
export interface Verdict {
  readonly verdict: "accept" | "drop";
  /** The rule that decided; null for the policy. */
  readonly by: Rule | null;
  /** Rules before it that may have decided otherwise. */
  readonly doubts: readonly Doubt[];
  /** Rules that give the packet, or may give it, a conntrack template. */
  readonly templates: readonly Rule[];
}

const UDP = 17;
/** The numbers of a packet that differ between packets. */
type PacketNumber = Exclude<NumberField, "protocol">;
const DEEPEST = 24;

/** What a base chain does with a packet. */
export function evaluate(table: Table, chain: Chain, packet: Packet): Verdict {
  const walk = new Walk(table, packet);
  const end = walk.through(chain, 0);
  const { doubts, templates } = walk;
  if (end) return { verdict: end.verdict, by: end.rule, doubts, templates };
  return { verdict: chain.hook?.policy ?? "accept", by: null, doubts, templates };
}

interface End {
  readonly verdict: "accept" | "drop";
  readonly rule: Rule;
}

/** One packet's way through the chains of a table. */
class Walk {
  readonly doubts: Doubt[] = [];
  readonly templates: Rule[] = [];
  readonly #table: Table;
  readonly #packet: Packet;

  constructor(table: Table, packet: Packet) {
    this.#table = table;
    this.#packet = packet;
  }

  /** Null when the chain comes to its end without a verdict. */
  through(chain: Chain, depth: number): End | null {
    for (const rule of chain.rules) {
      const match = matchAll(rule.tests, this.#packet);
      if (match === "no") continue;
      const { action } = rule;
      if (action.kind === "none") continue;
      if (action.kind === "template") {
        this.templates.push(rule);
      } else if (action.kind === "jump" || action.kind === "goto") {
        const target = this.#table.chains.get(action.chain);
        if (!target || depth > DEEPEST) {
          this.#doubt(rule, "unknown", "unknown");
          continue;
        }
        const end = this.through(target, depth + 1);
        if (end && match === "yes") return end;
        if (end && match !== "yes") this.#doubt(end.rule, end.verdict, match);
        if (action.kind === "goto" && match === "yes") return null;
      } else if (match !== "yes" || action.kind === "unknown") {
        this.#doubt(rule, action.kind, match === "some" ? "some" : "unknown");
      } else if (action.kind === "return") {
        return null;
      } else {
        return { verdict: action.kind, rule };
      }
    }
    return null;
  }

  #doubt(rule: Rule, effect: Doubt["effect"], match: "some" | "unknown"): void {
    this.doubts.push({ rule, effect, match });
  }
}

/** Whether all tests hold. */
export function matchAll(tests: readonly Test[], packet: Packet): Match {
  let all: Match = "yes";
  for (const test of tests) {
    const one = matchOne(test, packet);
    if (one === "no") return "no";
    if (one === "unknown" || (one === "some" && all === "yes")) all = one;
  }
  return all;
}

function matchOne(test: Test, packet: Packet): Match {
  switch (test.field) {
    case "never":
      return "no";
    case "unknown":
      return "unknown";
    case "any":
      return negate(matchAny(test.options, packet), test.negated);
    case "saddr":
    case "daddr":
    case "sport":
    case "dport":
    case "protocol":
      return negate(matchNumber(test.field, test.ranges, packet), test.negated);
    default:
      return matchWord(test, packet);
  }
}

function negate(match: Match, negated: boolean): Match {
  if (!negated || match === "some" || match === "unknown") return match;
  return match === "yes" ? "no" : "yes";
}

function matchAny(options: readonly (readonly Test[])[], packet: Packet): Match {
  let any: Match = "no";
  for (const tests of options) {
    const one = matchAll(tests, packet);
    if (one === "yes") return "yes";
    if (one === "unknown" || (one === "some" && any === "no")) any = one;
  }
  return any;
}

/** Remote parties are unicast hosts on other machines. */
const NO_REMOTE_ADDRESS: readonly Range[] = [
  [0x00000000, 0x00ffffff],
  [0x7f000000, 0x7fffffff],
  [0xe0000000, 0xffffffff],
];
const EVERY_ADDRESS: Range = [0x01000000, 0xdfffffff];
/** Media do not come from privileged ports. */
const EVERY_PORT: Range = [1024, 65535];

/** A number of a packet; "remote" where it depends on who the party is. */
function known({ remote, ...packet }: Packet, field: PacketNumber): number | "remote" {
  if (packet[field] !== "remote" || remote === null) return packet[field];
  return field === "saddr" || field === "daddr" ? remote.address : remote.port;
}

function matchNumber(field: NumberField, ranges: readonly Range[], packet: Packet): Match {
  const value = field === "protocol" ? UDP : known(packet, field);
  const within = (low: number, high: number, outer: Range): boolean =>
    low >= outer[0] && high <= outer[1];
  if (value !== "remote") {
    return ranges.some((range) => within(value, value, range)) ? "yes" : "no";
  }
  const isPort = field === "sport" || field === "dport";
  const [low, high] = isPort ? EVERY_PORT : EVERY_ADDRESS;
  if (ranges.some((range) => within(low, high, range))) return "yes";
  const isNobody = ([from, to]: Range): boolean =>
    isPort ? to < low : NO_REMOTE_ADDRESS.some((range) => within(from, to, range));
  return ranges.every(isNobody) ? "no" : "some";
}

function matchWord(
  { field, words, negated }: { field: WordField; words: readonly string[]; negated: boolean },
  packet: Packet,
): Match {
  const value = wordOf(field, packet);
  // A rule that asks for what the packet does not have does not match, negated or not.
  if (value === null) return "no";
  if (value === "unknown") return "unknown";
  const found = words.some((word) =>
    word.endsWith("*") ? value.startsWith(word.slice(0, -1)) : word === value
  );
  return found !== negated ? "yes" : "no";
}

function wordOf(field: WordField, packet: Packet): string | null {
  switch (field) {
    case "srctype":
      return packet.saddr === "remote" ? "unicast" : "local";
    case "dsttype":
      return packet.daddr === "remote" ? "unicast" : "local";
    case "pkttype":
      return "host";
    default:
      return packet[field];
  }
}
