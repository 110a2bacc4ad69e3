import assert from "node:assert/strict";
import { ip } from "../../tests/support/world.ts";
import { parseCidr } from "../base/cidr.ts";
import { formatIpv4, maskOf } from "../base/ipv4.ts";
import type { InstanceConfig, SessionConfig } from "../config/config.ts";
import type { Link } from "../rtnetlink/answers.ts";
import {
  admissions,
  guardedRanges,
  type LocalAddress,
  localNetworkOf,
  mediaInterfaces,
} from "./media.ts";

/** Behind static NAT: SDP says 198.51.100.7, the machine has 192.0.2.1. */
const INSTANCE: InstanceConfig = {
  name: "default",
  udp: { host: "127.0.0.1", port: 8080 },
  unix: null,
  internalIp: "10.10.1.1",
  externalIp: "198.51.100.7",
  internalLocal: "10.10.1.1",
  externalLocal: "192.0.2.1",
  startPort: 20000,
  endPort: 30000,
  currentPort: 20000,
};

const SECOND: InstanceConfig = {
  ...INSTANCE,
  name: "second",
  internalIp: "10.10.2.1",
  externalIp: "10.10.2.1",
  internalLocal: "10.10.2.1",
  externalLocal: "10.10.2.1",
};

const INSTANCES = [INSTANCE, SECOND];

function local(text: string, name: string): LocalAddress {
  const [address = "", prefix] = text.split("/");
  const bringsPackets = name !== "lo";
  return {
    interface: name,
    address: ip(address),
    mask: maskOf(Number(prefix)),
    bringsPackets,
    arrival: name,
  };
}

const ADDRESSES: readonly LocalAddress[] = [
  local("127.0.0.1/8", "lo"),
  local("10.10.1.1/24", "lan"),
  local("10.10.1.5/24", "lan"),
  local("10.10.2.1/31", "link"),
  local("192.0.2.1/28", "wan"),
  local("172.16.0.9/32", "lo"),
];

function sessionConfig(refuse: readonly string[]): SessionConfig {
  return {
    timeoutSeconds: 60,
    staleLimitSeconds: 3600,
    unheardLimitSeconds: 180,
    learning: "once",
    relearnConfirmSeconds: 3,
    liveWindowSeconds: 5,
    refuse: refuse.map((text) => {
      const cidr = parseCidr(text);
      if (!cidr.ok) throw new Error(cidr.error);
      return cidr.value;
    }),
  };
}

Deno.test("mediaInterfaces() finds the carriers of the local addresses, each once", () => {
  assert.deepEqual(mediaInterfaces(INSTANCES, ADDRESSES), {
    interfaces: ["lan", "wan", "link"],
    missing: [],
  });
  const one = [local("10.10.1.1/24", "lan"), local("192.0.2.1/28", "lan")];
  assert.deepEqual(mediaInterfaces([INSTANCE], one), { interfaces: ["lan"], missing: [] });
});

Deno.test("mediaInterfaces() names the addresses that no interface carries", () => {
  const left = ADDRESSES.filter((each) => each.interface === "lan");
  assert.deepEqual(mediaInterfaces(INSTANCES, left), {
    interfaces: ["lan"],
    missing: ["192.0.2.1", "10.10.2.1"],
  });
  assert.deepEqual(mediaInterfaces([], ADDRESSES), { interfaces: [], missing: [] });
});

Deno.test("guardedRanges() covers each local address once, and what Kamailio counts past the end", () => {
  const ranges = guardedRanges(INSTANCES).map(({ address, ...ports }) => ({
    address: formatIpv4(address),
    ...ports,
  }));
  assert.deepEqual(ranges, [
    { address: "10.10.1.1", startPort: 20000, endPort: 30004 },
    { address: "10.10.2.1", startPort: 20000, endPort: 30004 },
    { address: "192.0.2.1", startPort: 20000, endPort: 30004 },
  ]);
  const [range] = guardedRanges([{ ...INSTANCE, endPort: 65534 }]);
  assert.equal(range?.endPort, 65535);
});

Deno.test("guardedRanges() joins neighbours on one address, for the kernel refuses what overlaps", () => {
  const next = { ...INSTANCE, name: "next", startPort: 30001, endPort: 40000 };
  assert.deepEqual(
    guardedRanges([next, INSTANCE]).map(({ startPort, endPort }) => [startPort, endPort]),
    [[20000, 40004], [20000, 40004]],
  );
});

Deno.test("admissions() takes advertised addresses, and carries them on local ones", () => {
  const found = admissions(INSTANCES, sessionConfig([]), ADDRESSES);
  const tables = [...found].map(([name, { localAddress }]) => [
    name,
    [...localAddress].map(([advertised, address]) => `${advertised} ${formatIpv4(address)}`),
  ]);
  assert.deepEqual(tables, [
    ["default", ["10.10.1.1 10.10.1.1", "198.51.100.7 192.0.2.1"]],
    ["second", ["10.10.2.1 10.10.2.1"]],
  ]);
});

Deno.test("admissions() forbid remotes that loop, that are many, or that are refused", () => {
  // A network of IPv6 refuses nobody: media is IPv4.
  const session = sessionConfig(["203.0.113.0/24", "0.0.0.0/32", "::/0"]);
  const found = admissions(INSTANCES, session, ADDRESSES);
  const expectations: readonly (readonly [string, string | null])[] = [
    // Advertised or local, of this instance, of another, or of the machine alone.
    ["198.51.100.7", "an address of the relay itself"],
    ["192.0.2.1", "an address of the relay itself"],
    ["10.10.2.1", "an address of the relay itself"],
    ["10.10.1.5", "an address of the relay itself"],
    ["172.16.0.9", "an address of the relay itself"],
    ["127.0.0.2", "a loopback address"],
    ["224.0.0.1", "a multicast address"],
    ["255.255.255.255", "a broadcast or reserved address"],
    ["10.10.1.255", "a broadcast or reserved address"],
    ["192.0.2.15", "a broadcast or reserved address"],
    // The other end of a /31, and what would be the broadcast address of a wider network.
    ["10.10.2.0", null],
    ["192.0.2.255", null],
    ["10.10.1.254", null],
    ["203.0.113.9", "in a refused network"],
    ["203.0.112.9", null],
  ];
  for (const admission of found.values()) {
    for (const [remote, why] of expectations) {
      assert.equal(admission.forbidden(ip(remote)), why, remote);
    }
  }
});

function link(index: number, name: string, variant: Partial<Link> = {}): Link {
  return {
    ...{ index, name, kind: "", bringsPackets: true, mtuBytes: 1500, master: 0 },
    ...{ callsIptables: false, ...variant },
  };
}

Deno.test("localNetworkOf() tells which interfaces have an address, a VRF and its members as one", () => {
  const links = [
    link(1, "lo"),
    link(2, "bare"),
    link(3, "red", { kind: "vrf" }),
    link(4, "member", { master: 3 }),
    link(5, "other", { master: 3 }),
    link(6, "br0", { kind: "bridge" }),
    link(7, "port", { master: 6 }),
  ];
  const addresses = [1, 4, 6].map((index) => ({ index, address: ip("10.10.1.1"), prefix: 24 }));
  const { numbered } = localNetworkOf(addresses, links);
  assert.deepEqual(numbered, ["lo", "red", "member", "other", "br0"]);
});
