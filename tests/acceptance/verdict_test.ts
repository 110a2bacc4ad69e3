import assert from "node:assert/strict";
import {
  type CallReport,
  type Expectation,
  judge,
  type SideReport,
  type Track,
} from "./verdict.ts";

const expected: Expectation = {
  calls: 1,
  relays: [{ forCaller: "10.10.1.1", forCallee: "192.0.2.1" }],
  firstPort: 20000,
  lastPort: 30000,
  media: "steady",
  ending: "confirmed",
};

/** A stream of 150 packets sent from 0 ms on and 150 heard. */
function track(change: Partial<Track> = {}): Track {
  return {
    sent: 150,
    probesSent: 15,
    sendErrors: 0,
    received: 150,
    unique: 150,
    duplicate: 0,
    reordered: 0,
    wrongSource: 0,
    foreign: 0,
    malformed: 0,
    probes: 0,
    lowest: 0,
    highest: 149,
    firstTxMs: 1000,
    lastTxMs: 3980,
    firstRxMs: 1002,
    lastRxMs: 3982,
    longestGapMs: 22,
    delayMaxMs: 3,
    ...change,
  };
}

function side(relay: string, change: Partial<CallReport> = {}): SideReport {
  const call = { call: "a", local: "x:1", relay, over: true, stoppedMs: 4000 };
  return { calls: [{ ...call, rtp: track(), rtcp: track(), ...change }], badCommands: 0 };
}

const caller = (change?: Partial<CallReport>) => side("10.10.1.1:20002", change);
const callee = (change?: Partial<CallReport>) => side("192.0.2.1:20000", change);

function failures(one: SideReport, other: SideReport, change: Partial<Expectation> = {}): string[] {
  return judge(one, other, { ...expected, ...change }).filter((check) => !check.ok)
    .map((check) => check.name);
}

const cases: readonly {
  readonly what: string;
  readonly caller?: Partial<CallReport>;
  readonly callee?: Partial<CallReport>;
  readonly expected?: Partial<Expectation>;
  readonly fails: readonly string[];
}[] = [
  { what: "a whole call", fails: [] },
  {
    what: "two packets lost at hang-up",
    callee: { rtp: track({ unique: 148, highest: 147 }) },
    fails: [],
  },
  {
    what: "three packets lost before hang-up",
    callee: { rtp: track({ unique: 147, highest: 146 }) },
    fails: ["RTP caller to callee"],
  },
  {
    what: "packets that the callee sent after the caller had hung up",
    callee: { rtp: track({ sent: 155, lastTxMs: 4080 }) },
    fails: [],
  },
  {
    what: "one packet lost in mid-call",
    caller: { rtcp: track({ unique: 149 }) },
    fails: ["RTCP callee to caller"],
  },
  {
    what: "the first packet lost",
    callee: { rtp: track({ unique: 149, lowest: 1 }) },
    fails: ["RTP caller to callee"],
  },
  {
    what: "the first packets lost while the relay learns",
    callee: { rtp: track({ unique: 140, lowest: 10 }) },
    expected: { media: "learning" },
    fails: [],
  },
  {
    what: "a long silence at a re-INVITE",
    callee: { rtp: track({ unique: 110, longestGapMs: 800 }) },
    expected: { media: "moving" },
    fails: ["RTP caller to callee"],
  },
  {
    what: "one-way media",
    caller: { rtp: track({ received: 0, unique: 0, firstRxMs: 0 }) },
    fails: ["RTP callee to caller", "two-way media"],
  },
  {
    what: "media that starts late",
    caller: { rtp: track({ firstRxMs: 1600 }) },
    fails: ["two-way media"],
  },
  {
    what: "another call's packet",
    caller: { rtp: track({ foreign: 1 }) },
    fails: ["only the relay's packets, only the call's own"],
  },
  {
    what: "a packet from a wrong source",
    callee: { rtcp: track({ wrongSource: 1 }) },
    fails: ["only the relay's packets, only the call's own"],
  },
  {
    what: "a packet relayed after the BYE",
    callee: { rtp: track({ probes: 1 }) },
    fails: ["nothing relayed after the BYE"],
  },
  {
    what: "SDP that names the other side itself",
    caller: { relay: "192.0.2.20:10008" },
    fails: ["SDP of both sides names the relay"],
  },
  {
    what: "a call that never ended",
    callee: { over: false },
    fails: ["calls answered and hung up"],
  },
];

for (const { what, caller: one, callee: other, expected: change, fails } of cases) {
  Deno.test(`judge() ${fails.length === 0 ? "passes" : "fails"} ${what}`, () => {
    assert.deepEqual(failures(caller(one), callee(other), change), fails);
  });
}

Deno.test("judge() fails a run in which nothing happened", () => {
  const nothing = { calls: [], badCommands: 0 };
  assert.ok(failures(nothing, nothing).length >= 6);
});
