import { connect, Namespace, type RelayNetwork } from "../../../src/netns/namespaces.ts";
import { CALL, type Call } from "../../netns/kamailio.ts";
import {
  assertMediaAreWhole,
  type Built,
  move,
  renumber,
  type Topology,
} from "../../netns/topology.ts";

/* Kinds of interfaces that a distribution's kernel has, and not every other. */

/** A callee behind its namespace, which is a router, and the call to it. */
const FAR_CALL: Call = { ...CALL, dnat: "198.51.100.20:7000" };

function behindCallee({ callee }: RelayNetwork): Built {
  const far = new Namespace("far");
  connect(far, ["198.51.100.20"], { relay: callee, link: "beyond", address: "198.51.100.1" });
  callee.setSysctl("ipv4/ip_forward", "1");
  return { namespaces: [far], callee: far };
}

const TOPOLOGIES: readonly Topology[] = [
  {
    name: "addresses on a dummy device",
    build: (net) => {
      renumber(net);
      net.relay.ip("link", "add", "anycast", "type", "dummy");
      net.relay.ip("address", "add", "10.10.1.1/32", "dev", "anycast");
      net.relay.ip("address", "add", "192.0.2.1/32", "dev", "anycast");
      net.relay.ip("link", "set", "anycast", "up");
    },
    interfaces: ["inside", "outside"],
  },
  {
    name: "VLANs",
    build: (net) => {
      const { relay, caller } = net;
      relay.ip("link", "add", "link", "inside", "name", "inside.7", "type", "vlan", "id", "7");
      relay.ip("link", "set", "inside.7", "up");
      caller.ip("address", "flush", "dev", "eth0");
      caller.ip("link", "add", "link", "eth0", "name", "eth0.7", "type", "vlan", "id", "7");
      caller.ip("address", "add", "10.10.1.10/24", "dev", "eth0.7");
      caller.ip("link", "set", "eth0.7", "up");
      caller.ip("route", "replace", "default", "via", "10.10.1.1");
      move(net, { inside: "inside.7", outside: "outside" });
    },
    interfaces: ["inside.7", "outside"],
  },
  {
    name: "a bond",
    build: (net) => {
      net.relay.ip("link", "add", "bond0", "type", "bond", "mode", "active-backup");
      net.relay.ip("link", "set", "outside", "down");
      net.relay.ip("link", "set", "outside", "master", "bond0");
      net.relay.ip("link", "set", "bond0", "up");
      move(net, { inside: "inside", outside: "bond0" });
    },
    interfaces: ["inside", "bond0"],
  },
  {
    name: "a macvlan",
    build: (net) => {
      net.relay.ip("link", "add", "mac0", "link", "outside", "type", "macvlan", "mode", "bridge");
      net.relay.ip("link", "set", "mac0", "up");
      move(net, { inside: "inside", outside: "mac0" });
    },
    interfaces: ["inside", "mac0"],
  },
  {
    name: "a tunnel to the callee (GRE)",
    build: ({ relay, callee }) => {
      const tunnel = (place: Namespace, local: string, remote: string, address: string): void => {
        place.ip(
          "link",
          "add",
          "tun0",
          "type",
          "gre",
          "local",
          local,
          "remote",
          remote,
          "ttl",
          "64",
        );
        place.ip("address", "add", address, "dev", "tun0");
        place.ip("link", "set", "tun0", "up");
      };
      tunnel(relay, "192.0.2.1", "192.0.2.20", "172.31.0.1/30");
      tunnel(callee, "192.0.2.20", "192.0.2.1", "172.31.0.2/30");
      callee.ip("address", "add", "198.51.100.20/32", "dev", "lo");
      relay.ip("route", "add", "198.51.100.20/32", "dev", "tun0");
      callee.ip("route", "replace", "192.0.2.1/32", "dev", "eth0");
      callee.ip("rule", "add", "from", "198.51.100.20", "lookup", "100");
      callee.ip("route", "add", "default", "dev", "tun0", "table", "100");
    },
    call: FAR_CALL,
    interfaces: ["inside", "outside", "tun0"],
  },
  {
    name: "two ways to the callee (ECMP)",
    build: (net) => {
      const { relay, callee } = net;
      const built = behindCallee(net);
      relay.ip(
        "link",
        "add",
        "second",
        "type",
        "veth",
        "peer",
        "name",
        "eth1",
        "netns",
        callee.name,
      );
      relay.ip("address", "add", "203.0.113.1/24", "dev", "second");
      relay.ip("link", "set", "second", "up");
      callee.ip("address", "add", "203.0.113.20/24", "dev", "eth1");
      callee.ip("link", "set", "eth1", "up");
      const hops = ["192.0.2.20", "203.0.113.20"].flatMap((hop) => ["nexthop", "via", hop]);
      relay.ip("route", "add", "198.51.100.0/24", ...hops);
      callee.ip("route", "add", "192.0.2.1/32", "via", "203.0.113.1");
      return built;
    },
    call: FAR_CALL,
    interfaces: ["inside", "outside", "second"],
  },
];

for (const topology of TOPOLOGIES) {
  Deno.test(`media are whole with ${topology.name}`, () => assertMediaAreWhole(topology));
}
