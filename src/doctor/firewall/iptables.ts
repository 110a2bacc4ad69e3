import { parseIpv4 } from "../../base/ipv4.ts";
import type { Action, Chain, Dialect, Hook, Range, Rule, Table, Test } from "./model.ts";
import { network, protocolNumber } from "./nft_json.ts";

/** Where the built-in chains of iptables' tables are hooked in, and at which priority. */
const HOOKS: Readonly<Record<string, readonly [hook: string, type: string]>> = {
  PREROUTING: ["prerouting", "filter"],
  INPUT: ["input", "filter"],
  FORWARD: ["forward", "filter"],
  OUTPUT: ["output", "filter"],
  POSTROUTING: ["postrouting", "filter"],
};
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  nat: 0,
  filter: 0,
  security: 50,
};

/** The tables in the output of iptables-save. */
export function parseIptables(text: string, dialect: Dialect): readonly Table[] {
  const tables: Table[] = [];
  let chains = new Map<string, Chain & { readonly rules: Rule[] }>();
  for (const line of text.split("\n")) {
    const [word = "", policy = ""] = line.split(" ");
    if (word.startsWith("*")) {
      chains = new Map();
      tables.push({ dialect, family: "ip", name: word.slice(1), chains });
    } else if (word.startsWith(":")) {
      const name = word.slice(1);
      chains.set(name, { name, hook: hookOf(name, tables.at(-1)?.name ?? "", policy), rules: [] });
    } else if (word === "-A") {
      const [, chain = "", ...words] = splitWords(line);
      chains.get(chain)?.rules.push({ ...parseRule(words), text: line });
    }
  }
  return tables;
}

function hookOf(chain: string, table: string, policy: string): Hook | null {
  const [hook, type] = HOOKS[chain] ?? [];
  if (!hook || !type || policy === "-") return null;
  return {
    hook,
    priority: PRIORITIES[table] ?? 0,
    type: table === "nat" ? "nat" : type,
    policy: policy === "DROP" ? "drop" : "accept",
    devices: [],
  };
}

/** Words, where one in quotes may have spaces and escaped quotes in it. */
function splitWords(line: string): readonly string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted ?? plain ?? ""
  );
}

const UNKNOWN: Test = { field: "unknown" };
const NEVER: Test = { field: "never" };

/** Targets that let the packet go on through the chain, and are of no interest. */
const HARMLESS =
  "LOG NFLOG MARK CONNMARK DSCP TOS CLASSIFY TCPMSS SET AUDIT CHECKSUM NOTRACK RATEEST TRACE TTL TEE"
    .split(" ");

function parseRule(words: readonly string[]): Omit<Rule, "text"> {
  const tests: Test[] = [];
  let negated = false;
  for (let at = 0; at < words.length; at++) {
    const option = words[at] ?? "";
    if (option === "!") {
      negated = true;
      continue;
    }
    if (option === "-j" || option === "-g") {
      const target = words[at + 1] ?? "";
      return { tests, action: actionOf(option, target, words.slice(at + 2)) };
    }
    // All words up to the next option or negation belong to this one.
    const next = words.findIndex((word, i) => i > at && (word === "!" || /^--?[a-z]/i.test(word)));
    const values = words.slice(at + 1, next < 0 ? words.length : next);
    const test = testOf(option, values, negated);
    if (test) tests.push(test);
    at += values.length;
    negated = false;
  }
  return { tests, action: { kind: "none" } };
}

function actionOf(option: string, target: string, options: readonly string[]): Action {
  if (target === "ACCEPT") return { kind: "accept" };
  if (target === "DROP" || target === "REJECT") return { kind: "drop" };
  if (target === "RETURN") return { kind: "return" };
  if (target === "CT") return { kind: options.includes("--notrack") ? "none" : "template" };
  if (HARMLESS.includes(target)) return { kind: "none" };
  // Any other target is a chain; one that there is not is not understood.
  return { kind: option === "-g" ? "goto" : "jump", chain: target };
}

function testOf(option: string, values: readonly string[], negated: boolean): Test | null {
  const [value = ""] = values;
  const list = value.split(",");
  switch (option) {
    case "-m":
      return HARD_MODULES.includes(value) ? UNKNOWN : null;
    case "-i":
      return { field: "iif", words: [wildcard(value)], negated };
    case "-o":
      return { field: "oif", words: [wildcard(value)], negated };
    case "-s":
      return addresses("saddr", list, negated);
    case "-d":
      return addresses("daddr", list, negated);
    case "--src-range":
      return addresses("saddr", list, negated);
    case "--dst-range":
      return addresses("daddr", list, negated);
    case "-p":
      return protocol(value, negated);
    case "--sport":
    case "--sports":
    case "--source-ports":
      return { field: "sport", ranges: list.map(portRange), negated };
    case "--dport":
    case "--dports":
    case "--destination-ports":
      return { field: "dport", ranges: list.map(portRange), negated };
    case "--ports":
      return eitherPort(list.map(portRange), negated);
    case "--ctstate":
    case "--state":
      return { field: "ctstate", words: list.map((each) => each.toLowerCase()), negated };
    case "--src-type":
      return { field: "srctype", words: list.map((each) => each.toLowerCase()), negated };
    case "--dst-type":
      return { field: "dsttype", words: list.map((each) => each.toLowerCase()), negated };
    case "--pkt-type":
      return { field: "pkttype", words: [value === "unicast" ? "host" : value], negated };
    case "--comment":
    case "--log-prefix":
      return null;
    case "-f":
    case "--icmp-type":
    case "--tcp-flags":
    case "--syn":
    case "--ctdir":
    case "--ctstatus":
    case "--ctproto":
      return NEVER;
    default:
      return UNKNOWN;
  }
}

/** Modules that say nothing more than their name. */
const HARD_MODULES = ["rpfilter", "socket", "u32", "bpf", "time"];

function wildcard(name: string): string {
  return name.endsWith("+") ? `${name.slice(0, -1)}*` : name;
}

function addresses(field: "saddr" | "daddr", list: readonly string[], negated: boolean): Test {
  const ranges = list.map(addressRange);
  return ranges.every((range) => range !== null) ? { field, ranges, negated } : UNKNOWN;
}

function addressRange(text: string): Range | null {
  const [from = "", to] = text.split("-");
  const [low = "", prefix = "32"] = from.split("/");
  const first = parseIpv4(low);
  if (!first.ok) return null;
  if (to === undefined) return /^\d+$/.test(prefix) ? network(first.value, Number(prefix)) : null;
  const last = parseIpv4(to);
  return last.ok ? [first.value, last.value] : null;
}

function protocol(value: string, negated: boolean): Test {
  if (value === "all") return { field: "any", options: [[]], negated };
  const number = protocolNumber(value);
  return number === null ? UNKNOWN : { field: "protocol", ranges: [[number, number]], negated };
}

function portRange(text: string): Range {
  const [from = "", to = from] = text.split(":");
  return [Number(from), to === "" ? 65535 : Number(to)];
}

function eitherPort(ranges: readonly Range[], negated: boolean): Test {
  const test = (field: "sport" | "dport"): Test => ({ field, ranges, negated: false });
  return { field: "any", options: [[test("sport")], [test("dport")]], negated };
}
