import { strict as assert } from "node:assert";
import { connect, Namespace, type RelayNetwork } from "../../src/netns/namespaces.ts";
import { diagnose, shell } from "./doctor.ts";
import { CALL } from "./kamailio.ts";
import {
  assertMediaAreWhole,
  type Built,
  move,
  openTopology,
  renumber,
  type Topology,
} from "./topology.ts";
import { until } from "./until.ts";
import { converse, expectNoLoss, openWorld, untilTwoWay } from "./world.ts";

/*
 * Interfaces and routes as operators have them: docs/OPERATIONS.md, "Interfaces and routes", has them as a table. Kinds
 * that not every kernel has are in tests/vm/links.
 */

/** A bridge with one of the relay's links as its port. */
function bridge(relay: Namespace, name: string, ...ports: readonly string[]): void {
  relay.ip("link", "add", name, "type", "bridge");
  for (const port of ports) relay.ip("link", "set", port, "master", name);
  relay.ip("link", "set", name, "up");
  relay.setSysctl("bridge/bridge-nf-call-iptables", "1");
}

/** Caller, callee and relay at one switch; the relay has the link `port` to it. */
function behindOneSwitch({ relay }: RelayNetwork): Built {
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
  return { namespaces: [box] };
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
      const built = behindOneSwitch(net);
      net.relay.ip("address", "add", "10.10.1.1/24", "dev", "port");
      net.relay.ip("address", "add", "192.0.2.1/24", "dev", "port");
      return built;
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
      const built = behindOneSwitch(net);
      bridge(net.relay, "br0", "port");
      net.relay.setSysctl("bridge/bridge-nf-call-iptables", "0");
      net.relay.ip("address", "add", "10.10.1.1/24", "dev", "br0");
      net.relay.ip("address", "add", "192.0.2.1/24", "dev", "br0");
      return built;
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
      return { namespaces: [far], callee: far };
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
      return { namespaces: [far], callee: far };
    },
    call: { ...CALL, dnat: "198.51.100.20:7000" },
    interfaces: ["inside", "outside"],
  },
];

Deno.test("media are whole where they come in by an interface that no route leads back by", async () => {
  const { world } = await openTopology({
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

Deno.test("a bridge that loses media is named beside interfaces that the daemon has used before", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  await shell(
    world.relay,
    `ip address flush dev inside; ip address flush dev outside
     ip link add br0 type bridge; ip link set inside master br0; ip link set br0 up
     ip address add 10.10.1.1/24 dev br0; ip address add 192.0.2.1/24 dev br0
     sysctl -q -w net.bridge.bridge-nf-call-iptables=1`,
  );
  await until("status names it", async () => {
    return (await world.status()).warnings.some((line) =>
      /^Bridge br0 .* all media between parties behind its only port inside are lost/.test(line)
    );
  }, 10_000);
  const found = (await diagnose(world.relay, { config: world.daemon.configPath })).of(
    "daemon.warnings",
  );
  assert(found.some(({ severity, what }) => severity === "fail" && /br0/.test(what)));
});

/** Both parties behind the only port of a bridge that asks iptables about its frames. */
const ONE_PORT: Topology = {
  name: "a bridge with one port",
  build: (net) => {
    const built = behindOneSwitch(net);
    bridge(net.relay, "br0", "port");
    net.relay.ip("address", "add", "10.10.1.1/24", "dev", "br0");
    net.relay.ip("address", "add", "192.0.2.1/24", "dev", "br0");
    return built;
  },
  interfaces: ["br0"],
};

Deno.test("a bridge that loses media is named with its cure, by status and doctor, and the cure cures", async () => {
  const { world } = await openTopology(ONE_PORT);
  await using _ = world;
  await world.kamailio.open(CALL);
  const caller = world.caller(6000);
  const callee = world.callee(7000);
  const talk = { fromCaller: caller.talk(CALL.snat), fromCallee: callee.talk(CALL.dst) };
  const cure = "sysctl -w net.bridge.bridge-nf-call-iptables=0";
  const { warnings } = await world.status();
  assert.match(
    warnings.join("\n"),
    /Bridge br0 .* all media between parties behind its only port port are lost/,
  );
  assert((await world.daemon.cli("status")).out.includes(cure));
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

for (const topology of TOPOLOGIES) {
  Deno.test(`media are whole with ${topology.name}`, () => assertMediaAreWhole(topology));
}
