import { strict as assert } from "node:assert";
import { parseIpv4 } from "../../base/ipv4.ts";
import { err, ok } from "../../base/result.ts";
import type { CheckId } from "../finding.ts";
import { parseIptables } from "../firewall/iptables.ts";
import type { Table } from "../firewall/model.ts";
import { healthy, localAddress } from "../testing/healthy.ts";
import { type CallDirection, type CallFacts, examineCall } from "./call.ts";

function number(text: string): number {
  const address = parseIpv4(text);
  assert(address.ok);
  return address.value;
}

const TO_CALLEE: CallDirection = {
  packets: {
    sender: { address: number("10.10.1.10"), port: 41000 },
    arrivalPort: 20002,
    sourcePort: 20000,
    receiver: { address: number("192.0.2.20"), port: 7000 },
  },
  arrival: number("10.10.1.1"),
  source: number("192.0.2.1"),
  iif: "inside",
  way: ok("outside"),
  ports: [20000, 30004],
};

const TO_CALLER: CallDirection = {
  packets: {
    sender: TO_CALLEE.packets.receiver,
    arrivalPort: 20000,
    sourcePort: 20002,
    receiver: TO_CALLEE.packets.sender,
  },
  arrival: TO_CALLEE.source,
  source: TO_CALLEE.arrival,
  iif: "outside",
  way: ok("inside"),
  ports: [20000, 30004],
};

/** Each party is told the relay's address on the other one's side. */
const CROSSED = [
  { ...TO_CALLEE, arrival: TO_CALLEE.source, source: TO_CALLEE.arrival },
  { ...TO_CALLER, arrival: TO_CALLER.source, source: TO_CALLER.arrival },
];

const { sysctls, addresses, numbered, links, firewall, legacyFirewall } = healthy();
const WELL: CallFacts = {
  ...{ sysctls, addresses, numbered, links, firewall, legacyFirewall },
  ...{ directions: [TO_CALLEE], isFast: false, isTwoWay: false },
};

/** A FORWARD chain that drops what a rule does not accept. */
function forward(rule: string): readonly Table[] {
  const text = ["*filter", ":FORWARD DROP [0:0]", `-A FORWARD ${rule} -j ACCEPT`, "COMMIT"];
  return parseIptables(text.join("\n"), "iptables-nft");
}

const SETTING = "net/ipv4/conf/inside/";

const CASES: readonly (readonly [
  when: string,
  changes: Partial<CallFacts>,
  found: readonly (readonly [CheckId, says: RegExp, remedy: RegExp])[],
])[] = [
  ["all is well", {}, []],
  ["nothing is to be sent", { directions: [] }, []],
  ["both directions are well", { directions: [TO_CALLEE, TO_CALLER] }, []],
  ["the addresses are swapped", { directions: CROSSED }, [
    [
      "media.sides",
      /swapped: 10\.10\.1\.10 is reached by inside and told 192\.0\.2\.1, which is on outside/,
      /swap them/,
    ],
  ]],
  [
    "they are, and both parties are heard all the same",
    { directions: CROSSED, isTwoWay: true },
    [],
  ],
  ["an address is on no interface", { addresses: [localAddress("inside", "10.10.1.1")] }, [
    ["media.address", /no interface has the media address 192\.0\.2\.1/, /ip address add 192/],
  ]],
  ["an interface is down", {
    links: links.map((each) => ({ ...each, state: "down", isEnabled: each.name === "inside" })),
    directions: [{ ...TO_CALLEE, way: err("Network is unreachable") }],
  }, [
    ["media.address", /10\.10\.1\.1 is on inside, which has no carrier/, /other end/],
    ["media.address", /192\.0\.2\.1 is on outside, which is down/, /^ip link set outside up$/],
  ]],
  ["a setting is wrong", { sysctls: { ...sysctls, [`${SETTING}forwarding`]: "0" } }, [
    ["sysctl.forwarding", /inside\.forwarding is 0, must be 1/, /sysctl -w .*forwarding=1/],
  ]],
  ["redirects are sent", { sysctls: { ...sysctls, [`${SETTING}send_redirects`]: "1" } }, []],
  ["another interface is set wrong", {
    sysctls: { ...sysctls, "net/ipv4/conf/outside/accept_local": "0" },
  }, []],
  ["there is no way", { directions: [{ ...TO_CALLEE, way: err("Network is unreachable") }] }, [
    [
      "media.route",
      /no way for media from 192\.0\.2\.1 to 192\.0\.2\.20:7000: Network is unreachable/,
      /^See: ip rule\nSee: ip route get 192\.0\.2\.20 from 192\.0\.2\.1 iif inside/,
    ],
  ]],
  ["a chain drops others' packets", { firewall: ok(forward("-d 192.0.2.20 -p udp")) }, []],
  ["a chain drops this call's", { firewall: ok(forward("-d 192.0.2.21 -p udp")) }, [
    ["firewall.forward", /chain FORWARD drops media from 192\.0\.2\.1:20000/, /20000:30004/],
  ]],
  ["the kernel module relays past that chain", {
    firewall: ok(forward("-d 192.0.2.21 -p udp")),
    isFast: true,
  }, []],
];

for (const [when, changes, expected] of CASES) {
  Deno.test(`examineCall() finds what this machine does when ${when}`, () => {
    const found = examineCall({ ...WELL, ...changes });
    assert.deepEqual(found.map(({ id }) => id), expected.map(([id]) => id));
    expected.forEach(([, says, remedy], i) => {
      assert.match(found[i]?.what ?? "", says);
      assert.match(found[i]?.remedy.join("\n") ?? "", remedy);
    });
  });
}
