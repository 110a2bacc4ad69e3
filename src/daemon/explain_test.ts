import assert from "node:assert/strict";
import { callee, caller, flow, sessionView } from "../../tests/golden/views.ts";
import type { PartyView, StrangerView } from "../control/admin.ts";
import { explain } from "./explain.ts";

const SILENT = flow({ source: null, latch: "open", packets: 0, bytes: 0, ageSeconds: null });

interface Case {
  readonly when: string;
  readonly caller?: Partial<PartyView>;
  readonly callee?: Partial<PartyView>;
  readonly strangers?: readonly StrangerView[];
  readonly findings: readonly string[];
}

const CASES: readonly Case[] = [
  { when: "all is well", findings: ["Media flows both ways."] },
  {
    when: "a party was never heard",
    callee: { rtp: SILENT },
    findings: ["The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000."],
  },
  {
    when: "RTCP alone was heard",
    caller: { rtp: SILENT, rtcp: flow({ source: "10.10.1.10:6001" }) },
    findings: ["The caller was never heard: no RTP from 10.10.1.10 has come to 10.10.1.1:20002."],
  },
  {
    when: "nobody was heard",
    caller: { rtp: SILENT },
    callee: { rtp: SILENT },
    findings: [
      "The caller was never heard: no RTP from 10.10.1.10 has come to 10.10.1.1:20002.",
      "The callee was never heard: no RTP from 192.0.2.20 has come to 192.0.2.1:20000.",
    ],
  },
  {
    when: "a party has fallen silent",
    caller: { rtp: flow({ ageSeconds: 20.1 }) },
    findings: ["The caller has been silent for 20 s."],
  },
  {
    when: "a party paused for a moment",
    caller: { rtp: flow({ ageSeconds: 20 }) },
    findings: ["Media flows both ways."],
  },
  {
    when: "a party is behind NAT",
    callee: { rtp: flow({ source: "192.0.2.20:41234" }) },
    findings: [
      "The callee's RTP comes from 192.0.2.20:41234, SDP says 192.0.2.20:7000: NAT. " +
      "It is sent to 192.0.2.20:41234.",
    ],
  },
  {
    when: "the port is not learned yet",
    caller: { rtp: flow({ source: null, latch: "open" }) },
    findings: ["Media flows both ways."],
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
    ],
  },
  {
    when: "somebody else sends to a relay socket's RTCP",
    strangers: [{ from: "203.0.113.9:7000", to: "192.0.2.1:20001", packets: 1 }],
    findings: [
      "1 packet from 203.0.113.9:7000 to 192.0.2.1:20001 refused: SDP says that the callee is at " +
      "192.0.2.20.",
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
    ],
  },
  {
    when: "a stranger spoke to another relay socket",
    strangers: [
      { from: "203.0.113.9:6000", to: "10.10.1.1:20004", packets: 3 },
      { from: "203.0.113.9:6000", to: "192.0.2.1:20002", packets: 3 },
    ],
    findings: ["Media flows both ways."],
  },
];

for (const { when, strangers = [], findings, ...parties } of CASES) {
  Deno.test(`explain() finds why when ${when}`, () => {
    const session = sessionView({
      caller: caller(parties.caller),
      callee: callee(parties.callee),
    });
    assert.deepEqual(explain(session, strangers), findings);
  });
}
