import type { Endpoint, Ipv4 } from "../../base/ipv4.ts";

/*
 * Other people's firewalls, whatever wrote them: as much of a rule as can be understood, and
 * "unknown" for the rest. A check must never take a rule that it does not understand for harmless.
 */

/** A closed interval of numbers: addresses, ports, protocol numbers. */
export type Range = readonly [low: number, high: number];

/** Fields that are numbers. */
export type NumberField = "saddr" | "daddr" | "sport" | "dport" | "protocol";

/** Fields that are words: interfaces, conntrack's state, the kind of an address, of a packet. */
export type WordField = "iif" | "oif" | "ctstate" | "srctype" | "dsttype" | "pkttype";

/** A condition of a rule. */
export type Test =
  | { readonly field: NumberField; readonly ranges: readonly Range[]; readonly negated: boolean }
  /** A word may end with `*`, which stands for anything. */
  | { readonly field: WordField; readonly words: readonly string[]; readonly negated: boolean }
  /** Any of these, each with all of its tests. */
  | { readonly field: "any"; readonly options: readonly (readonly Test[])[]; negated: boolean }
  /** Never true of relayed media: IPv6, TCP, what only tracked connections have. */
  | { readonly field: "never" }
  | { readonly field: "unknown" };

/** What becomes of a packet that a rule matches. */
export type Action =
  | { readonly kind: "accept" | "drop" | "return" | "none" | "unknown" }
  /** Gives the packet a conntrack template, after which notrack has no effect. */
  | { readonly kind: "template" }
  | { readonly kind: "jump" | "goto"; readonly chain: string };

/** A rule. */
export interface Rule {
  readonly tests: readonly Test[];
  readonly action: Action;
  /** How it is written, for people. */
  readonly text: string;
}

/** Where a base chain is hooked in. */
export interface Hook {
  readonly hook: string;
  readonly priority: number;
  readonly type: string;
  readonly policy: "accept" | "drop";
  /** Interfaces of a netdev chain. */
  readonly devices: readonly string[];
}

/** A chain; one without a hook is only jumped to. */
export interface Chain {
  readonly name: string;
  readonly hook: Hook | null;
  readonly rules: readonly Rule[];
}

/** Which program's words its rules are. */
export type Dialect = "nft" | "iptables-nft" | "iptables-legacy";

/** A table. */
export interface Table {
  readonly dialect: Dialect;
  readonly family: string;
  readonly name: string;
  readonly chains: ReadonlyMap<string, Chain>;
}

/** A packet of a call at some point of its way; null where there is no such thing at that point. */
export interface Packet {
  readonly iif: string | null;
  readonly oif: string | null;
  /** "remote" stands for any party's. */
  readonly saddr: Ipv4 | "remote";
  readonly daddr: Ipv4 | "remote";
  readonly sport: number | "remote";
  readonly dport: number | "remote";
  /** Which party that is; null for any. */
  readonly remote: Endpoint | null;
  /** "untracked" behind our rules, "invalid" before conntrack has seen it. */
  readonly ctstate: "untracked" | "invalid";
}
