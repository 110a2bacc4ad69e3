import { maskOf, parseIpv4 } from "../../base/ipv4.ts";
import type { Action, Chain, NumberField, Range, Rule, Table, Test, WordField } from "./model.ts";

/** What `nft -j list table` prints, as far as it is of interest: anything may be anything. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object of it. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

/** The elements of named sets, by name. */
export type NamedSets = ReadonlyMap<string, readonly Json[]>;

/** Priorities as nft names them; `-j` prints some of them by name. */
const PRIORITIES: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};

/** The objects in the output of `nft -j`; none if it is no JSON. */
export function nftObjects(text: string): readonly JsonObject[] {
  const parsed = parse(text);
  const list = isObject(parsed) ? parsed.nftables : null;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function child(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) ? value[key] : undefined;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** The names of the sets that a table's rules ask for; their elements are listed by name alone. */
export function setsAskedFor(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/"@([^"]+)"/g)].map(([, name = ""]) => name))];
}

/** The elements in the output of `nft -j list set`. */
export function setElements(text: string): readonly Json[] {
  return nftObjects(text).flatMap((object) => {
    const elements = child(object.set ?? object.map, "elem");
    return Array.isArray(elements) ? elements : [];
  });
}

/** The interfaces of chains that are hooked in at interfaces, by name of the chain. */
export type ChainDevices = ReadonlyMap<string, readonly string[]>;

/** Whether a table has chains at interfaces, of which nft 1.0.6 does not tell in JSON where. */
export function hasNamelessDevices(text: string): boolean {
  return nftObjects(text).some(({ chain }) =>
    (child(chain, "hook") === "ingress" || child(chain, "hook") === "egress") &&
    child(chain, "dev") === undefined
  );
}

/** The interfaces in the output of `nft list table` without `-j`. */
export function chainDevices(listing: string): ChainDevices {
  const pattern =
    /chain (\S+) \{\s*(?:comment [^\n]*\s*)?type \w+ hook \w+ devices? (?:= )?([^;]*?) priority/g;
  return new Map(
    [...listing.matchAll(pattern)].map(([, chain = "", devices = ""]) => [
      chain,
      [...devices.matchAll(/[^\s"{},]+/g)].map(([name]) => name),
    ]),
  );
}

/** The table in the output of `nft -j list table`. */
export function parseNftTable(text: string, sets: NamedSets, devices?: ChainDevices): Table {
  const objects = nftObjects(text);
  const heads = objects.flatMap(({ chain }) => isObject(chain) ? [chain] : []);
  const rules = objects.flatMap(({ rule }) => isObject(rule) ? [rule] : []);
  const table = objects.flatMap(({ table }) => isObject(table) ? [table] : [])[0];
  const chains = heads.map((head): Chain => ({
    name: textOf(head.name),
    hook: hookOf(head, devices?.get(textOf(head.name)) ?? []),
    rules: rules.filter(({ chain }) => chain === head.name).flatMap((rule) =>
      parseRule(rule, sets)
    ),
  }));
  return {
    dialect: "nft",
    family: textOf(table?.family),
    name: textOf(table?.name),
    chains: new Map(chains.map((chain) => [chain.name, chain])),
  };
}

function hookOf(head: JsonObject, devices: readonly string[]): Chain["hook"] {
  if (typeof head.hook !== "string") return null;
  const { dev } = head;
  return {
    hook: head.hook,
    priority: typeof head.prio === "number" ? head.prio : PRIORITIES[textOf(head.prio)] ?? 0,
    type: textOf(head.type),
    policy: head.policy === "drop" ? "drop" : "accept",
    devices: Array.isArray(dev) ? dev.map(textOf) : typeof dev === "string" ? [dev] : devices,
  };
}

/** A verdict map is a rule for each of its elements. */
function parseRule(rule: JsonObject, sets: NamedSets): readonly Rule[] {
  const statements = Array.isArray(rule.expr) ? rule.expr.filter(isObject) : [];
  const text = `handle ${textOf(rule.handle)}: ${statements.map(statementText).join(" ")}`;
  const tests: Test[] = [];
  const rules: Rule[] = [];
  for (const statement of statements) {
    const test = testOf(statement, sets);
    if (test) tests.push(test);
    for (const { when, action } of actionsOf(statement, sets)) {
      rules.push({ tests: [...tests, ...when], action, text });
    }
  }
  return rules;
}

/** A statement as in the ruleset, shortened: enough to find it by. */
function statementText(statement: JsonObject): string {
  const [[name = "", body] = []] = Object.entries(statement);
  if (name === "match") {
    const op = child(body, "op");
    const sign = op === "==" || op === "in" ? "" : `${textOf(op)} `;
    return `${valueText(child(body, "left"))} ${sign}${valueText(child(body, "right"))}`;
  }
  if (name === "jump" || name === "goto") return `${name} ${textOf(child(body, "target"))}`;
  if (name === "vmap") return `${valueText(child(body, "key"))} vmap`;
  return name;
}

function valueText(value: Json | undefined): string {
  if (!isObject(value)) {
    return Array.isArray(value) ? value.map(valueText).join(",") : textOf(value);
  }
  const [[name = "", body] = []] = Object.entries(value);
  switch (name) {
    case "payload":
      return `${textOf(child(body, "protocol"))} ${textOf(child(body, "field"))}`;
    case "meta":
      return textOf(child(body, "key"));
    case "ct":
      return `ct ${textOf(child(body, "key"))}`;
    case "range":
      return Array.isArray(body) ? body.map(textOf).join("-") : "";
    case "prefix":
      return `${textOf(child(body, "addr"))}/${textOf(child(body, "len"))}`;
    case "set":
      return Array.isArray(body) ? `{ ${body.map(valueText).join(", ")} }` : valueText(body);
    default:
      return name;
  }
}

interface Outcome {
  readonly when: readonly Test[];
  readonly action: Action;
}

/** Statements that neither decide nor ask anything. */
const HARMLESS = ["counter", "log", "comment", "notrack", "set", "map", "last"];

function actionsOf(statement: JsonObject, sets: NamedSets): readonly Outcome[] {
  const [[name = "", body] = []] = Object.entries(statement);
  const just = (action: Action): readonly Outcome[] => [{ when: [], action }];
  switch (name) {
    case "match":
    case "limit":
    case "quota":
      return [];
    case "xt":
      return child(body, "type") === "match" ? [] : just({ kind: "unknown" });
    case "accept":
    case "drop":
    case "return":
      return just({ kind: name });
    case "reject":
      return just({ kind: "drop" });
    case "jump":
    case "goto":
      return just({ kind: name, chain: textOf(child(body, "target")) });
    case "vmap":
      return vmapOutcomes(body, sets);
    case "mangle":
      return child(child(body, "key"), "ct") === undefined ? [] : just({ kind: "template" });
    case "ct helper":
    case "ct timeout":
      return just({ kind: "template" });
    default:
      return HARMLESS.includes(name) ? [] : just({ kind: "unknown" });
  }
}

function vmapOutcomes(body: Json | undefined, sets: NamedSets): readonly Outcome[] {
  const data = child(body, "data");
  const key = child(body, "key");
  const elements = typeof data === "string" ? sets.get(data.slice(1)) : child(data, "set");
  if (!Array.isArray(elements)) return [{ when: [], action: { kind: "unknown" } }];
  return elements.flatMap((element): readonly Outcome[] => {
    if (!Array.isArray(element)) return [{ when: [], action: { kind: "unknown" } }];
    const [value = null, verdict = null] = element;
    const [outcome] = isObject(verdict) ? actionsOf(verdict, sets) : [];
    const action: Action = outcome?.action ?? { kind: "unknown" };
    return [{ when: [compare(key, [value], false)], action }];
  });
}

const UNKNOWN: Test = { field: "unknown" };
const NEVER: Test = { field: "never" };

function testOf(statement: JsonObject, sets: NamedSets): Test | null {
  if (statement.limit !== undefined || statement.quota !== undefined) return UNKNOWN;
  if (child(statement.xt, "type") === "match") {
    return child(statement.xt, "name") === "comment" ? null : UNKNOWN;
  }
  const { match } = statement;
  if (!isObject(match)) return null;
  const { op, left, right } = match;
  if (op !== "==" && op !== "in" && op !== "!=") return UNKNOWN;
  const values = alternatives(right, sets);
  return values === null ? UNKNOWN : compare(left, values, op === "!=");
}

/** What a left side may equal; null if that is not known. */
function alternatives(right: Json | undefined, sets: NamedSets): readonly Json[] | null {
  if (typeof right === "string" && right.startsWith("@")) return sets.get(right.slice(1)) ?? null;
  const set = child(right, "set");
  if (set !== undefined) return Array.isArray(set) ? set : [set];
  if (Array.isArray(right)) return right;
  return right === undefined ? null : [right];
}

function compare(left: Json | undefined, values: readonly Json[], negated: boolean): Test {
  const plain = values.map((value) => child(child(value, "elem"), "val") ?? value);
  const parts = child(left, "concat");
  if (Array.isArray(parts)) {
    const options = plain.map((value) => {
      const each = child(value, "concat");
      return parts.map((part, i) =>
        compare(part, [Array.isArray(each) ? each[i] ?? null : null], false)
      );
    });
    return { field: "any", options, negated };
  }
  const word = wordField(left);
  if (word) return { field: word, words: plain.map(textOf), negated };
  const number = numberField(left);
  if (number === "never") return NEVER;
  if (number === null) return fixedFact(left, plain, negated);
  const ranges = plain.map((value) => rangeOf(value, number));
  return ranges.every((range) => range !== null) ? { field: number, ranges, negated } : UNKNOWN;
}

const WORDS: Readonly<Record<string, WordField>> = {
  iif: "iif",
  iifname: "iif",
  oif: "oif",
  oifname: "oif",
  pkttype: "pkttype",
};

function wordField(left: Json | undefined): WordField | null {
  const meta = child(child(left, "meta"), "key");
  if (typeof meta === "string") return WORDS[meta] ?? null;
  if (child(child(left, "ct"), "key") === "state") return "ctstate";
  const fib = child(left, "fib");
  if (child(fib, "result") !== "type") return null;
  const flags = child(fib, "flags");
  const flag = Array.isArray(flags) ? flags.length === 1 ? flags[0] : null : flags;
  return flag === "saddr" ? "srctype" : flag === "daddr" ? "dsttype" : null;
}

function numberField(left: Json | undefined): NumberField | "never" | null {
  if (child(child(left, "meta"), "key") === "l4proto") return "protocol";
  // Nothing else of conntrack's is there for a packet that it does not know.
  if (child(left, "ct") !== undefined) return "never";
  const protocol = child(child(left, "payload"), "protocol");
  const field = textOf(child(child(left, "payload"), "field"));
  if (protocol === "ip" && (field === "saddr" || field === "daddr")) return field;
  if (protocol === "ip" && field === "protocol") return "protocol";
  const isPort = field === "sport" || field === "dport";
  if ((protocol === "udp" || protocol === "th") && isPort) return field;
  const others = ["ip6", "tcp", "icmp", "icmpv6", "sctp", "dccp", "udplite", "esp", "ah", "arp"];
  return others.includes(textOf(protocol)) ? "never" : null;
}

/** What is so of every packet of ours: it is IPv4. */
function fixedFact(left: Json | undefined, values: readonly Json[], negated: boolean): Test {
  const key = child(child(left, "meta"), "key");
  if (key !== "nfproto" && key !== "protocol") return UNKNOWN;
  const isOurs = values.some((value) => value === "ipv4" || value === "ip" || value === 2);
  return isOurs === negated ? NEVER : { field: "any", options: [[]], negated: false };
}

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
};

/** The number of a protocol by name or number; null for a name that is not known. */
export function protocolNumber(text: string): number | null {
  return /^\d+$/.test(text) ? Number(text) : PROTOCOLS[text] ?? null;
}

function rangeOf(value: Json, field: NumberField): Range | null {
  const range = child(value, "range");
  if (Array.isArray(range)) {
    const low = numberOf(range[0], field);
    const high = numberOf(range[1], field);
    return low === null || high === null ? null : [low, high];
  }
  const prefix = child(value, "prefix");
  const number = numberOf(prefix === undefined ? value : child(prefix, "addr"), field);
  if (number === null) return null;
  const length = prefix === undefined ? 32 : Number(child(prefix, "len"));
  return field.endsWith("addr") ? network(number, length) : [number, number];
}

/** The addresses of a network. */
export function network(address: number, prefix: number): Range {
  const mask = maskOf(prefix);
  return [(address & mask) >>> 0, (address | ~mask) >>> 0];
}

function numberOf(value: Json | undefined, field: NumberField): number | null {
  if (field === "protocol") return protocolNumber(textOf(value));
  if (typeof value === "number") return value;
  const address = parseIpv4(textOf(value));
  return address.ok ? address.value : null;
}
