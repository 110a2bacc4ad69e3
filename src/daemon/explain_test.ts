import assert from "node:assert/strict";
import { callee, caller, flow, sessionView } from "../../tests/golden/views.ts";
import type { PartyView, StrangerView, WayView } from "../control/admin.ts";
import { explain } from "./explain.ts";

const SILENT = flow({ source: null, latch: "open", packets: 0, bytes: 0, ageSeconds: null });

const BOTH = [
  "Both parties are heard, and what they send is forwarded by the relay. Whether it arrives is not seen here.",
  "If one of them hears nothing: sudo lrkproxy doctor looks at firewalls and routes of this machine.",
  "What leaves this machine: tcpdump -ni any udp src port 20000 (to the callee) or 20002 (to the caller).",
];

/** What follows where one party alone is heard. */
function alone(name: string, other: string, port: number): readonly string[] {
  return [
    `The ${name} is heard, and what it sends is forwarded by the relay. Whether it arrives is not seen here.`,
    `Before the ${other} is blamed: sudo lrkproxy doctor looks at firewalls and routes of this machine.`,
    `What leaves this machine and what comes: tcpdump -ni any udp port ${port}.`,
  ];
}

const CALLER_ALONE = alone("caller", "callee", 20000);
const CALLEE_ALONE = alone("callee", "caller", 20002);

const WAY: WayView = {
  ...{ to: "callee", from: "192.0.2.1", address: "192.0.2.20", link: "outside" },
  ...{
    refusal: null,
    nextHop: null,
    isNextHopSilent: false,
    mtu: 1500,
    tooBigPackets: 0,
    fitsBytes: null,
  },
};

interface Case {
  readonly when: string;
  readonly caller?: Partial<PartyView>;
  readonly callee?: Partial<PartyView>;
  readonly strangers?: readonly StrangerView[];
  readonly warnings?: readonly string[];
  readonly ways?: readonly WayView[];
  readonly findings: readonly string[];
}

const CASES: readonly Case[] = [
  { when: "all is well", findings: BOTH },
  {
    when: "a party was never heard",
    callee: { rtp: SILENT },
    findings: [
      "The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000.",
      ...CALLER_ALONE,
    ],
  },
  {
    when: "RTCP alone was heard",
    caller: { rtp: SILENT, rtcp: flow({ source: "10.10.1.10:6001" }) },
    findings: [
      "The caller was never heard: no RTP from 10.10.1.10 has come to 10.10.1.1:20002.",
      ...CALLEE_ALONE,
    ],
  },
  {
    when: "nobody was heard",
    caller: { rtp: SILENT },
    callee: { rtp: SILENT },
    findings: [
      "The caller was never heard: no RTP from 10.10.1.10 has come to 10.10.1.1:20002.",
      "The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000.",
      "Nobody is heard now: tcpdump -ni any udp port 20002 or udp port 20000 shows whether anything " +
      "comes to this machine; if not, look where SDP sends both parties.",
    ],
  },
  {
    when: "a party has fallen silent",
    caller: { rtp: flow({ ageSeconds: 20.1 }) },
    findings: ["The caller has been silent for 20 s.", ...CALLEE_ALONE],
  },
  {
    when: "a party paused for a moment",
    caller: { rtp: flow({ ageSeconds: 20 }) },
    findings: BOTH,
  },
  {
    when: "a party is behind NAT",
    callee: { rtp: flow({ source: "192.0.2.20:41234" }) },
    findings: [
      "The callee's RTP comes from 192.0.2.20:41234, SDP says 192.0.2.20:7000: NAT. " +
      "It is sent to 192.0.2.20:41234.",
      ...BOTH,
    ],
  },
  {
    when: "the port is not learned yet",
    caller: { rtp: flow({ source: null, latch: "open" }) },
    findings: BOTH,
  },
  {
    when: "a party is on hold by address",
    callee: { signalled: "0.0.0.0:7000", onHold: true, rtp: SILENT },
    findings: ["The callee is on hold (SDP says 0.0.0.0:7000): nothing is sent there."],
  },
  {
    when: "a party is on hold by port and still sends",
    callee: {
      signalled: "192.0.2.20:0",
      onHold: true,
      rtp: flow({ source: null, latch: "open" }),
    },
    findings: ["The callee is on hold (SDP says 192.0.2.20:0): nothing is sent there."],
  },
  {
    when: "a second sender of the same address is refused",
    strangers: [{ from: "10.10.1.10:6100", to: "10.10.1.1:20002", packets: 2 }],
    findings: [
      "2 packets from 10.10.1.10:6100 to 10.10.1.1:20002 refused: the caller's address, but the " +
      "flow is locked to another port (a second sender?).",
      ...BOTH,
    ],
  },
  {
    when: "somebody else sends to a relay socket's RTCP",
    strangers: [{ from: "203.0.113.9:7000", to: "192.0.2.1:20001", packets: 1 }],
    findings: [
      "1 packet from 203.0.113.9:7000 to 192.0.2.1:20001 refused: SDP says that the callee is at " +
      "192.0.2.20.",
      ...BOTH,
    ],
  },
  {
    when: "the party itself seems to come from another address",
    caller: { rtp: SILENT },
    strangers: [{ from: "203.0.113.9:6000", to: "10.10.1.1:20002", packets: 250 }],
    findings: [
      "The caller was never heard: no RTP from 10.10.1.10 has come to 10.10.1.1:20002.",
      "250 packets from 203.0.113.9:6000 to 10.10.1.1:20002 refused: SDP says that the caller is " +
      "at 10.10.1.10; if that is the caller, its NAT address is not in the SDP.",
      ...CALLEE_ALONE,
    ],
  },
  {
    when: "a stranger spoke to another relay socket",
    strangers: [
      { from: "203.0.113.9:6000", to: "10.10.1.1:20004", packets: 3 },
      { from: "203.0.113.9:6000", to: "192.0.2.1:20002", packets: 3 },
    ],
    findings: BOTH,
  },
  {
    when: "the count of a flow has grown some time in the last minutes",
    callee: {
      rtp: flow({ source: "192.0.2.20:7000", ageSeconds: 0.5, ageAtMostSeconds: 299.6 }),
    },
    findings: ["The callee is silent now: its last RTP came 1 to 300 s ago.", ...CALLER_ALONE],
  },
  {
    when: "this machine is at fault, before it blames a party",
    callee: { rtp: SILENT },
    warnings: ["No interface has the media address 192.0.2.1"],
    findings: [
      "This machine: No interface has the media address 192.0.2.1. Cure: ip address add 192.0.2.1/PREFIX " +
      "dev INTERFACE   # if the address is right, and should be here; or, if it is wrong, correct it in lrkproxy.ini, " +
      "lrkproxy reload, and restart Kamailio, which asks only when it starts",
      "The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000.",
    ],
  },
  {
    when: "only calls to come are in danger",
    warnings: ['Kamailio still gives out 10.10.1.1, which instance "default" had before a reload'],
    findings: [
      'This machine: Kamailio still gives out 10.10.1.1, which instance "default" had before a reload. ' +
      "Cure: restart Kamailio   # it asks for the addresses only when it starts",
      ...BOTH,
    ],
  },
  {
    when: "the kernel has a way to a party",
    ways: [WAY, { ...WAY, nextHop: "192.0.2.254" }],
    findings: BOTH,
  },
  {
    when: "the kernel has no way to a party, or nobody answers on it",
    ways: [
      { ...WAY, link: null, mtu: null, refusal: "Network is unreachable" },
      { ...WAY, isNextHopSilent: true, nextHop: "192.0.2.254" },
      { ...WAY, isNextHopSilent: true },
    ],
    findings: [
      "This machine: no way for media from 192.0.2.1 to 192.0.2.20:7000: Network is unreachable (that " +
      "party hears nothing). See: ip route get 192.0.2.20 from 192.0.2.1",
      "Nothing reaches the callee: 192.0.2.254 on outside does not answer ARP. See: ip neigh show " +
      "192.0.2.254",
      "Nothing reaches the callee: 192.0.2.20 on outside does not answer ARP. See: ip neigh show " +
      "192.0.2.20",
    ],
  },
  {
    when: "packets of the caller do not fit, and the error about them counts as the callee's",
    callee: { rtp: { ...SILENT, packets: 2 } },
    ways: [{ ...WAY, tooBigPackets: 2, fitsBytes: 600 }],
    findings: [
      "2 packets of the caller did not fit the way to the callee, which takes 600 bytes: dropped, and the " +
      "caller was told (ICMP). For ten minutes it sends fragments at most, which are not relayed: let it send " +
      "less at a time, or raise the MTU and wait.",
      "The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000.",
    ],
  },
  {
    when: "a party spoke before the call was opened, by the port that it is locked to now",
    strangers: [{ from: "192.0.2.20:7000", to: "192.0.2.1:20000", packets: 1 }],
    findings: BOTH,
  },
];

for (const { when, strangers = [], warnings = [], ways = [], findings, ...parties } of CASES) {
  Deno.test(`explain() finds why when ${when}`, () => {
    const session = sessionView({
      caller: caller(parties.caller),
      callee: callee(parties.callee),
    });
    assert.deepEqual(explain(session, { strangers, warnings, ways }), findings);
  });
}
