import assert from "node:assert/strict";
import { type Dialog, FIRST_SOUND, planDialog } from "./dialogs.ts";
import type { Event } from "./events.ts";
import { report } from "./report.ts";

const sound: Dialog = planDialog(1, FIRST_SOUND);
const unreadable: Dialog = { ...sound, invite: sound.invite.replace("From", "F\xff") };
const damagedAnswer: Dialog = { ...sound, damage: { invite: [], answer: ["header: deleted"] } };

function call(change: { status?: number; last?: number; bye?: number } = {}): Event {
  return { event: "call", index: 7, status: 200, last: 200, bye: 200, reason: "200 OK", ...change };
}

function leak(
  kind: "c=" | "o=" | "m= port" | "a=rtcp",
  carrier: "offer" | "answer" = "offer",
): Event {
  return {
    event: "leak",
    index: 7,
    carrier,
    leak: { kind, line: `${kind} x` },
    text: "the message",
  };
}

const cases: readonly {
  readonly what: string;
  readonly events: readonly Event[];
  readonly dialog?: Dialog;
  readonly fails: readonly string[];
}[] = [
  { what: "a call", events: [call()], fails: [] },
  { what: "no call", events: [], fails: ["dialogs made"] },
  {
    what: "silence",
    events: [call({ status: 0, last: 0 })],
    fails: ["no answer to a sound INVITE"],
  },
  {
    what: "silence where nobody could read it",
    events: [call({ status: 0, last: 0 })],
    dialog: unreadable,
    fails: [],
  },
  {
    what: "ringing without an end",
    events: [call({ status: 0, last: 180 })],
    fails: ["no final answer, also after CANCEL"],
  },
  {
    what: "ringing without an end after an answer that nobody could read",
    events: [call({ status: 0, last: 180 })],
    dialog: damagedAnswer,
    fails: [],
  },
  { what: "a lost BYE", events: [call({ bye: 0 })], fails: ["no answer to BYE"] },
  {
    what: "a lost ACK",
    events: [call(), { event: "unacknowledged", index: 7 }],
    fails: ["no ACK for a 200"],
  },
  {
    what: "a 200 that never came to the caller, and no ACK",
    events: [call({ status: 487 }), { event: "unacknowledged", index: 7 }],
    fails: [],
  },
  {
    what: "a dialog that was silent, and was answered when it was made again",
    events: [call({ status: 0, last: 0 }), call()],
    fails: [],
  },
  {
    what: "an offer past the relay",
    events: [call(), leak("c=")],
    fails: ["offer with c= past the relay"],
  },
  {
    what: "an answer with an own port",
    events: [call(), leak("m= port", "answer")],
    fails: ["answer with m= port past the relay"],
  },
  { what: "what documents let through", events: [call(), leak("o="), leak("a=rtcp")], fails: [] },
  {
    what: "offers of which none has the relay's address",
    events: [call(), { event: "bodies", carrier: "offer", all: 5, relayed: 0 }],
    fails: ["offers with the relay's address"],
  },
];

for (const { what, events, dialog = sound, fails } of cases) {
  Deno.test(`report() ${fails.length === 0 ? "passes" : "fails"} ${what}`, () => {
    const { checks } = report(events, 1, () => dialog);
    assert.deepEqual(checks.filter(({ ok }) => !ok).map(({ name }) => name), fails);
  });
}

Deno.test("report() fails many dialogs of which few were answered", () => {
  const events = Array.from({ length: 100 }, (_, index): Event => {
    const status = index < 20 ? 200 : 404;
    return { event: "call", index, status, last: status, reason: "" };
  });
  const { checks } = report(events, 100, () => sound);
  assert.deepEqual(checks.filter(({ ok }) => !ok).map(({ name }) => name), [
    "enough of them answered",
  ]);
});

Deno.test("report() gives the message of a violation", () => {
  const { violations } = report([call(), leak("c=")], 1, () => sound);
  assert.deepEqual(violations, [
    {
      what: "offer with c= past the relay",
      reason: "Content-Type other than application/sdp",
      index: 7,
      text: "the message",
    },
  ]);
});
