import { strict as assert } from "node:assert";
import { connect, Namespace, type RelayNetwork } from "../../src/netns/namespaces.ts";
import type { Ini } from "./daemon.ts";
import { CALL, type Call } from "./kamailio.ts";
import { diagnose, shell } from "./doctor.ts";
import { until } from "./until.ts";
import { converse, expectNoLoss, openWorld, untilTwoWay, type World } from "./world.ts";

/*
 * Interfaces and routes as operators have them: docs/OPERATIONS.md has them as a table. Media are whole, both ways, with
 * `interfaces = auto` and settings as a distribution leaves them.
 */

interface Topology {
  readonly name: string;
  readonly build: (net: RelayNetwork) => void | readonly Disposable[];
  readonly ini?: Ini;
  readonly call?: Call;
  /** Interfaces that the daemon must set, besides those that the case does not care about. */
  readonly interfaces: readonly string[];
  readonly warns?: RegExp;
}

/** Settings as Debian has them, with strict filters, on every interface there is. */
function distribution(relay: Namespace): void {
  relay.command(
    "bash",
    "-euc",
    `echo 0 >/proc/sys/net/ipv4/ip_forward
    for each in /proc/sys/net/ipv4/conf/*; do
      echo 1 >$each/rp_filter; echo 0 >$each/accept_local; echo 1 >$each/send_redirects
    done`,
  );
}

/** Give the relay other addresses on its links, so that the media addresses can be elsewhere. */
function renumber({ relay, caller, callee }: RelayNetwork): void {
  relay.ip("address", "flush", "dev", "inside");
  relay.ip("address", "flush", "dev", "outside");
  relay.ip("address", "add", "10.10.1.254/24", "dev", "inside");
  relay.ip("address", "add", "192.0.2.254/24", "dev", "outside");
  // The media addresses are behind the relay now, not on the parties' link.
  caller.ip("route", "replace", "10.10.1.1/32", "via", "10.10.1.254");
  callee.ip("route", "replace", "192.0.2.1/32", "via", "192.0.2.254");
}

function move(
  { relay }: RelayNetwork,
  to: { readonly inside: string; readonly outside: string },
): void {
  relay.ip("address", "flush", "dev", "inside");
  relay.ip("address", "flush", "dev", "outside");
  relay.ip("address", "add", "10.10.1.1/24", "dev", to.inside);
  relay.ip("address", "add", "192.0.2.1/24", "dev", to.outside);
}

/** A bridge with one of the relay's links as its port. */
function bridge(relay: Namespace, name: string, ...ports: readonly string[]): void {
  relay.ip("link", "add", name, "type", "bridge");
  for (const port of ports) relay.ip("link", "set", port, "master", name);
  relay.ip("link", "set", name, "up");
  relay.setSysctl("bridge/bridge-nf-call-iptables", "1");
}

/** Caller, callee and relay at one switch; the relay has the link `port` to it. */
export function behindOneSwitch({ relay }: RelayNetwork): readonly Disposable[] {
  const box = new Namespace("switch");
  box.ip("link", "add", "sw0", "type", "bridge");
  box.setSysctl("bridge/bridge-nf-call-iptables", "0");
  for (const link of ["inside", "outside"]) {
    relay.ip("link", "set", link, "netns", box.name);
    box.ip("link", "set", link, "master", "sw0", "up");
  }
  relay.ip("link", "add", "port", "type", "veth", "peer", "name", "relay", "netns", box.name);
  box.ip("link", "set", "relay", "master", "sw0", "up");
  box.ip("link", "set", "sw0", "up");
  relay.ip("link", "set", "port", "up");
  return [box];
}

const TOPOLOGIES: readonly Topology[] = [
  {
    name: "two interfaces, an address on each",
    build: () => {},
    interfaces: ["inside", "outside"],
  },
  {
    name: "addresses with labels, as keepalived gives them",
    build: ({ relay }) => {
      relay.ip("address", "flush", "dev", "outside");
      relay.ip("address", "add", "192.0.2.254/24", "dev", "outside");
      relay.ip("address", "add", "192.0.2.1/32", "dev", "outside", "label", "outside:0");
    },
    interfaces: ["inside", "outside"],
  },
  {
    name: "secondary addresses",
    build: ({ relay }) => {
      relay.ip("address", "flush", "dev", "outside");
      relay.ip("address", "add", "192.0.2.254/24", "dev", "outside");
      relay.ip("address", "add", "192.0.2.1/24", "dev", "outside");
    },
    interfaces: ["inside", "outside"],
  },
  {
    name: "addresses on the loopback",
    build: (net) => {
      renumber(net);
      net.relay.ip("address", "add", "10.10.1.1/32", "dev", "lo");
      net.relay.ip("address", "add", "192.0.2.1/32", "dev", "lo");
    },
    interfaces: ["inside", "outside"],
  },
  {
    name: "an address on another interface than the one that its packets come in by",
    build: (net) => {
      renumber(net);
      net.relay.ip("address", "add", "10.10.1.1/32", "dev", "outside");
      net.relay.ip("address", "add", "192.0.2.1/32", "dev", "inside");
    },
    interfaces: ["inside", "outside"],
  },
  {
    name: "both addresses on one interface, by which both parties come",
    build: (net) => {
      const made = behindOneSwitch(net);
      net.relay.ip("address", "add", "10.10.1.1/24", "dev", "port");
      net.relay.ip("address", "add", "192.0.2.1/24", "dev", "port");
      return made;
    },
    interfaces: ["port"],
  },
  {
    name: "one address for both sides",
    build: () => {},
    ini: { kernel: { internal_ip: "192.0.2.1", external_ip: "192.0.2.1" } },
    call: { ...CALL, snat: "192.0.2.1:20002" },
    interfaces: ["inside", "outside"],
  },
  {
    name: "a bridge to one side that asks iptables about its frames",
    build: (net) => {
      bridge(net.relay, "br0", "inside");
      move(net, { inside: "br0", outside: "outside" });
    },
    interfaces: ["br0", "outside"],
  },
  {
    name: "a bridge to each side that asks iptables about its frames",
    build: (net) => {
      bridge(net.relay, "br0", "inside");
      bridge(net.relay, "br1", "outside");
      move(net, { inside: "br0", outside: "br1" });
    },
    interfaces: ["br0", "br1"],
  },
  {
    name: "a bridge with a port to each side that asks iptables about its frames",
    build: (net) => {
      bridge(net.relay, "br0", "inside", "outside");
      move(net, { inside: "br0", outside: "br0" });
    },
    interfaces: ["br0"],
    warns: /^Bridge br0 .* lost between parties that are behind the same port of it/,
  },
  {
    name: "a bridge with one port to both sides that does not ask iptables",
    build: (net) => {
      const made = behindOneSwitch(net);
      bridge(net.relay, "br0", "port");
      net.relay.setSysctl("bridge/bridge-nf-call-iptables", "0");
      net.relay.ip("address", "add", "10.10.1.1/24", "dev", "br0");
      net.relay.ip("address", "add", "192.0.2.1/24", "dev", "br0");
      return made;
    },
    interfaces: ["br0"],
  },
  {
    name: "a callee behind another router, by a route of its own interface",
    build: ({ relay, callee }) => {
      const far = new Namespace("far");
      connect(far, ["198.51.100.20"], { relay: callee, link: "beyond", address: "198.51.100.1" });
      callee.setSysctl("ipv4/ip_forward", "1");
      relay.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.20");
      return [far];
    },
    call: { ...CALL, dnat: "198.51.100.20:7000" },
    interfaces: ["inside", "outside"],
  },
  {
    name: "a way out that only a rule for the media address leads to",
    build: ({ relay, callee }) => {
      const far = new Namespace("far");
      connect(far, ["198.51.100.20"], { relay: callee, link: "beyond", address: "198.51.100.1" });
      callee.setSysctl("ipv4/ip_forward", "1");
      relay.ip("rule", "add", "from", "192.0.2.1", "lookup", "100");
      relay.ip("route", "add", "default", "via", "192.0.2.20", "table", "100");
      return [far];
    },
    call: { ...CALL, dnat: "198.51.100.20:7000" },
    interfaces: ["inside", "outside"],
  },
];

Deno.test("media are whole where they come in by an interface that no route leads back by", async () => {
  const [world] = await openTopology({
    name: "two links to the caller, one for each direction",
    build: ({ relay, caller }) => {
      relay.ip(
        "link",
        "add",
        "other",
        "type",
        "veth",
        "peer",
        "name",
        "eth1",
        "netns",
        caller.name,
      );
      relay.ip("address", "add", "198.51.100.1/24", "dev", "other");
      relay.ip("link", "set", "other", "up");
      caller.ip("address", "add", "198.51.100.10/24", "dev", "eth1");
      // A router asks for its neighbours with its own address; a strict filter answers no other.
      caller.setSysctl("ipv4/conf/eth1/arp_announce", "2");
      caller.ip("link", "set", "eth1", "up");
      caller.ip("route", "add", "10.10.1.1/32", "via", "198.51.100.1", "src", "10.10.1.10");
    },
    interfaces: [],
  });
  await using _ = world;
  await world.kamailio.open(CALL);
  const talk = await converse(world.caller(6000), world.callee(7000));
  const since = Math.max(talk.fromCaller.rtp.sent, talk.fromCallee.rtp.sent);
  await until("more is sent", () => talk.fromCaller.rtcp.sent > 5);
  assert(await expectNoLoss(talk, since) > 0);
  const { sysctls } = await world.status();
  assert.equal(sysctls["net.ipv4.conf.other.accept_local"], "1");
});

/** Both parties behind the only port of a bridge that asks iptables about its frames. */
const ONE_PORT: Topology = {
  name: "a bridge with one port",
  build: (net) => {
    const made = behindOneSwitch(net);
    bridge(net.relay, "br0", "port");
    net.relay.ip("address", "add", "10.10.1.1/24", "dev", "br0");
    net.relay.ip("address", "add", "192.0.2.1/24", "dev", "br0");
    return made;
  },
  interfaces: ["br0"],
};

Deno.test("a bridge that loses media is named with its cure, by status and doctor, and the cure cures", async () => {
  const [world] = await openTopology(ONE_PORT);
  await using _ = world;
  await world.kamailio.open(CALL);
  const caller = world.caller(6000);
  const callee = world.callee(7000);
  const talk = { fromCaller: caller.talk(CALL.snat), fromCallee: callee.talk(CALL.dst) };
  const cure = "sysctl -w net.bridge.bridge-nf-call-iptables=0";
  const { warnings } = await world.status();
  assert.match(warnings.join("\n"), /Bridge br0 .* all media are lost/);
  assert(warnings.join("\n").includes(cure));
  const [finding] = (await diagnose(world.relay, { config: world.daemon.configPath })).of(
    "daemon.warnings",
  );
  assert(finding?.what.includes(cure) || finding?.remedy.some((line) => line.includes(cure)));
  assert.equal(callee.rtp.heard.length, 0);
  await shell(world.relay, cure);
  await untilTwoWay({ caller, callee, ...talk });
  await until(
    "the warning is gone",
    async () => (await world.status()).warnings.length === 0,
    10_000,
  );
});

/** Where the callee is, and how to open its sockets. */
function calleeOf(
  world: World,
  made: readonly Disposable[],
  call: Call,
): ReturnType<World["callee"]> {
  const [address = "", port] = call.dnat.split(":");
  const place = made.find((each): each is Namespace =>
    each instanceof Namespace && each.name.includes("far")
  );
  return place ? world.party(place, Number(port), address) : world.callee(Number(port), address);
}

async function openTopology({ build, ini }: Topology): Promise<[World, readonly Disposable[]]> {
  let made: readonly Disposable[] = [];
  const world = await openWorld({
    ...ini && { ini },
    prepare: (net) => {
      made = build(net) ?? [];
      distribution(net.relay);
    },
  });
  for (const each of made) world.use(each);
  return [world, made];
}

for (const topology of TOPOLOGIES) {
  Deno.test(`media are whole with ${topology.name}`, async () => {
    const { call = CALL } = topology;
    const [world, made] = await openTopology(topology);
    await using _ = world;
    await world.kamailio.open(call);
    // Each side hears each packet of the other, the first ones too: its port is the one that SDP says.
    const talk = await converse(world.caller(6000), calleeOf(world, made, call), call);
    assert(await expectNoLoss(talk) > 0);
    const { sysctls, warnings } = await world.status();
    const set = Object.keys(sysctls).map((name) => name.split(".")[3] ?? "");
    assert.deepEqual([...new Set(set)].sort(), [...topology.interfaces].sort());
    assert.match(warnings.join("\n"), topology.warns ?? /^$/);
  });
}
