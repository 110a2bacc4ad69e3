import assert from "node:assert/strict";
import { parseIpv4 } from "../../base/ipv4.ts";
import { evaluate, type Verdict } from "./evaluate.ts";
import { parseIptables } from "./iptables.ts";
import type { Packet, Table } from "./model.ts";
import {
  chainDevices,
  hasNamelessDevices,
  parseNftTable,
  setElements,
  setsAskedFor,
} from "./nft_json.ts";

function number(text: string): number {
  const address = parseIpv4(text);
  assert(address.ok);
  return address.value;
}

/** A relayed packet on its way through FORWARD. */
const PACKET: Packet = {
  iif: "inside",
  oif: "outside",
  saddr: number("192.0.2.1"),
  sport: 20002,
  daddr: "remote",
  dport: "remote",
  remote: null,
  ctstate: "untracked",
};

function verdictOf(table: Table | undefined, chain: string, packet = PACKET): Verdict {
  const found = table?.chains.get(chain);
  assert(table && found, chain);
  return evaluate(table, found, packet);
}

/** What rules of iptables, behind a policy of drop, do with the packet. */
function iptables(rules: readonly string[]): Verdict {
  const text = ["*filter", ":FORWARD DROP [0:0]", ":user - [0:0]", ...rules, "COMMIT"].join("\n");
  return verdictOf(parseIptables(text, "iptables-nft")[0], "FORWARD");
}

const IPTABLES:
  readonly (readonly [rules: string | readonly string[], "accept" | "drop" | "doubt"])[] = [
    ["", "drop"],
    ["-A FORWARD -j ACCEPT", "accept"],
    ["-A FORWARD -s 192.0.2.0/24 -p udp -m udp --sport 20000:30004 -j ACCEPT", "accept"],
    ["-A FORWARD ! -s 192.0.2.0/24 -j ACCEPT", "drop"],
    ["-A FORWARD -p udp -m multiport --sports 5060,20000:30000 -j ACCEPT", "accept"],
    ["-A FORWARD -p udp -m multiport --ports 5060,20000:30000 -j ACCEPT", "accept"],
    ["-A FORWARD -p udp -m udp --sport 30000: -j ACCEPT", "drop"],
    ["-A FORWARD -p tcp -j ACCEPT", "drop"],
    ["-A FORWARD -i inside -o out+ -j ACCEPT", "accept"],
    ["-A FORWARD -i docker0 ! -o docker0 -j ACCEPT", "drop"],
    ["-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "drop"],
    ["-A FORWARD -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT", "accept"],
    ["-A FORWARD -m conntrack ! --ctstate INVALID -j ACCEPT", "accept"],
    ['-A FORWARD -m comment --comment "let it \\"pass\\" -j DROP" -j ACCEPT', "accept"],
    ["-A FORWARD -m iprange --src-range 192.0.2.0-192.0.2.9 -j ACCEPT", "accept"],
    ["-A FORWARD -m addrtype --src-type LOCAL -j ACCEPT", "accept"],
    ["-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT", "drop"],
    ["-A FORWARD -m addrtype --dst-type MULTICAST -j ACCEPT", "drop"],
    ["-A FORWARD -d 224.0.0.0/4 -j ACCEPT", "drop"],
    ["-A FORWARD -d 0.0.0.0/0 -j ACCEPT", "accept"],
    // Some parties alone, or what is not understood: that is neither.
    ["-A FORWARD -d 198.51.100.0/24 -j ACCEPT", "doubt"],
    ["-A FORWARD -m mark --mark 0x1 -j ACCEPT", "doubt"],
    ["-A FORWARD -m limit --limit 3/min -j ACCEPT", "doubt"],
    ["-A FORWARD -m set --match-set relays src -j ACCEPT", "doubt"],
    ["-A FORWARD -j NFQUEUE --queue-num 1", "doubt"],
    ["-A FORWARD -m rpfilter -j ACCEPT", "doubt"],
    [["-A FORWARD -j user", "-A user -j ACCEPT"], "accept"],
    [
      ["-A FORWARD -j user", "-A FORWARD -j ACCEPT", "-A user -j RETURN", "-A user -j DROP"],
      "accept",
    ],
    // goto comes back to the caller of the chain, which for a base chain is its policy.
    [["-A FORWARD -g user", "-A FORWARD -j ACCEPT", "-A user -p tcp -j DROP"], "drop"],
    [[
      '-A FORWARD -j LOG --log-prefix "x -j ACCEPT "',
      "-A FORWARD -j REJECT --reject-with icmp-port-unreachable",
    ], "drop"],
    [["-A FORWARD -m mark --mark 0x1 -j DROP", "-A FORWARD -j ACCEPT"], "doubt"],
  ];

function summary({ verdict, doubts }: Verdict): string {
  return doubts.some(({ effect }) => effect !== verdict) ? "doubt" : verdict;
}

Deno.test("evaluate() knows what rules of iptables do with relayed media", () => {
  for (const [rules, expected] of IPTABLES) {
    const list = typeof rules === "string" ? [rules] : rules;
    assert.equal(summary(iptables(list)), expected, list.join("; "));
  }
});

Deno.test("parseIptables() knows where the chains of each table are hooked in", () => {
  const text = "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j CT --zone 1\nCOMMIT\n" +
    "*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n";
  const [raw, nat] = parseIptables(text, "iptables-legacy");
  assert.deepEqual(raw?.chains.get("PREROUTING")?.hook, {
    hook: "prerouting",
    priority: -300,
    type: "filter",
    policy: "accept",
    devices: [],
  });
  assert.equal(nat?.chains.get("POSTROUTING")?.hook?.type, "nat");
  assert.equal(verdictOf(raw, "PREROUTING").templates.length, 1);
});

const LEFT = {
  saddr: { payload: { protocol: "ip", field: "saddr" } },
  sport: { payload: { protocol: "udp", field: "sport" } },
  state: { ct: { key: "state" } },
};

/** What nft's rules, each a list of statements, do with the packet behind a policy of drop. */
function nft(rules: readonly unknown[][], sets = new Map()): Verdict {
  const chain = { family: "inet", table: "t", name: "c", hook: "forward", prio: 0, policy: "drop" };
  const objects = [
    { table: { family: "inet", name: "t" } },
    { chain: { ...chain, type: "filter" } },
    { chain: { family: "inet", table: "t", name: "sub" } },
    ...rules.map((expr, handle) => ({ rule: { chain: "c", handle, expr } })),
    { rule: { chain: "sub", handle: 99, expr: [{ accept: null }] } },
  ];
  return verdictOf(parseNftTable(JSON.stringify({ nftables: objects }), sets), "c");
}

function match(left: unknown, right: unknown, op = "=="): unknown {
  return { match: { op, left, right } };
}

const ACCEPT = { accept: null };

const NFT: readonly (readonly [name: string, rules: readonly unknown[][], expected: string])[] = [
  ["an address", [[match(LEFT.saddr, "192.0.2.1"), ACCEPT]], "accept"],
  ["a prefix", [[match(LEFT.saddr, { prefix: { addr: "192.0.2.0", len: 24 } }), ACCEPT]], "accept"],
  ["a range", [[match(LEFT.sport, { range: [20000, 20001] }), ACCEPT]], "drop"],
  ["a set", [[match(LEFT.sport, { set: [5060, { range: [20000, 30000] }] }), ACCEPT]], "accept"],
  ["a named set", [[match(LEFT.saddr, "@relays"), ACCEPT]], "accept"],
  ["a set that is not known", [[match(LEFT.saddr, "@others"), ACCEPT]], "doubt"],
  ["a list of states", [[match(LEFT.state, ["established", "untracked"], "in"), ACCEPT]], "accept"],
  ["not a state", [[match(LEFT.state, "invalid", "!="), ACCEPT]], "accept"],
  [
    "what only tracked connections have",
    [[match({ ct: { key: "status" } }, "dnat"), ACCEPT]],
    "drop",
  ],
  ["a comparison", [[match(LEFT.sport, 1024, ">"), ACCEPT]], "doubt"],
  ["IPv6", [[match({ payload: { protocol: "ip6", field: "saddr" } }, "::1"), ACCEPT]], "drop"],
  ["the family", [[match({ meta: { key: "nfproto" } }, "ipv4"), ACCEPT]], "accept"],
  ["the other family", [[match({ meta: { key: "nfproto" } }, "ipv6"), ACCEPT]], "drop"],
  ["the kind of an address", [[
    match({ fib: { result: "type", flags: ["saddr"] } }, "local"),
    ACCEPT,
  ]], "accept"],
  [
    "the way back",
    [[match({ fib: { result: "oif", flags: ["saddr", "iif"] } }, false), ACCEPT]],
    "doubt",
  ],
  ["a jump", [[{ jump: { target: "sub" } }]], "accept"],
  ["a chain that there is not", [[{ jump: { target: "none" } }]], "doubt"],
  ["a verdict map", [[{
    vmap: { key: LEFT.state, data: { set: [["invalid", { drop: null }], ["untracked", ACCEPT]] } },
  }]], "accept"],
  ["a concatenation", [[
    match({ concat: [LEFT.saddr, LEFT.sport] }, {
      set: [{ concat: ["192.0.2.1", { range: [20000, 30000] }] }],
    }),
    ACCEPT,
  ]], "accept"],
  ["a foreign match", [[{ xt: { type: "match", name: "bpf" } }, ACCEPT]], "doubt"],
  ["a foreign comment", [[{ xt: { type: "match", name: "comment" } }, ACCEPT]], "accept"],
  ["a foreign target", [[{ xt: { type: "target", name: "X" } }]], "doubt"],
  ["a statement nobody knows", [[{ novelty: {} }]], "doubt"],
  ["counting", [[{ counter: { packets: 1, bytes: 1 } }, { log: null }, ACCEPT]], "accept"],
];

Deno.test("evaluate() knows what nft's rules do with relayed media", () => {
  const sets = new Map([["relays", [{ elem: { val: "192.0.2.1", comment: "x" } }, "10.10.1.1"]]]);
  for (const [name, rules, expected] of NFT) {
    assert.equal(summary(nft(rules.map((rule) => [...rule]), sets)), expected, name);
  }
});

Deno.test("evaluate() leaves no doubt about a party that is known", () => {
  const rule = "-A FORWARD -d 192.0.2.0/24 -p udp --dport 7000 -j ACCEPT";
  const text = ["*filter", ":FORWARD DROP [0:0]", rule, "COMMIT"].join("\n");
  const [table] = parseIptables(text, "iptables-nft");
  const of = (address: string, port: number): string =>
    summary(verdictOf(table, "FORWARD", { ...PACKET, remote: { address: number(address), port } }));
  assert.equal(summary(verdictOf(table, "FORWARD")), "doubt");
  assert.equal(of("192.0.2.20", 7000), "accept");
  assert.equal(of("192.0.2.20", 7002), "drop");
  assert.equal(of("198.51.100.20", 7000), "drop");
});

Deno.test("evaluate() does not run in circles", () => {
  const text = "*filter\n:FORWARD DROP [0:0]\n:a - [0:0]\n-A FORWARD -j a\n-A a -j a\nCOMMIT\n";
  assert.equal(summary(verdictOf(parseIptables(text, "iptables-nft")[0], "FORWARD")), "doubt");
});

Deno.test("setsAskedFor() and setElements() find named sets and what is in them", () => {
  const table = JSON.stringify({
    rule: { expr: [match(LEFT.saddr, "@a"), match(LEFT.sport, "@b")] },
  });
  assert.deepEqual(setsAskedFor(table), ["a", "b"]);
  const set = { nftables: [{ metainfo: {} }, { set: { name: "a", elem: ["192.0.2.1", 5] } }] };
  assert.deepEqual(setElements(JSON.stringify(set)), ["192.0.2.1", 5]);
  assert.deepEqual(setElements("no JSON"), []);
});

Deno.test("chainDevices() finds the interfaces that nft leaves out of its JSON", () => {
  const chain = { family: "netdev", name: "c", hook: "ingress", prio: 0 };
  assert.equal(hasNamelessDevices(JSON.stringify({ nftables: [{ chain }] })), true);
  const named = { ...chain, dev: "eth0" };
  assert.equal(hasNamelessDevices(JSON.stringify({ nftables: [{ chain: named }] })), false);
  const listing = `table netdev t {
	chain one {
		type filter hook ingress device "eth0" priority filter; policy accept;
	}

	chain two {
		type filter hook egress devices = { eth0, "eth1.5" } priority 0; policy accept;
	}
}`;
  assert.deepEqual([...chainDevices(listing)], [["one", ["eth0"]], ["two", ["eth0", "eth1.5"]]]);
});
