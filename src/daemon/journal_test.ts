import assert from "node:assert/strict";
import { opening, World } from "../../tests/support/world.ts";
import { ManualClock } from "../base/clock.ts";
import type { Fields, Logger, LogLevel } from "../base/log.ts";
import type { RefusalReason } from "../core/call.ts";
import type { EndReason, RelayEvent } from "../core/events.ts";
import { lockedTo } from "../core/latch.ts";
import { type Latches, OPEN_LATCH } from "../core/session.ts";
import { Journal } from "./journal.ts";

interface Line {
  readonly level: keyof Logger;
  readonly message: string;
  readonly fields: Fields;
}

interface Kept {
  readonly journal: Journal;
  readonly clock: ManualClock;
  readonly lines: readonly Line[];
}

function keep(level: LogLevel = "debug", logCalls = false): Kept {
  const clock = new ManualClock();
  const config = { logCalls, log: { file: null, console: true } };
  const lines: Line[] = [];
  const write = (level: keyof Logger) => (message: string, fields: Fields = {}): void => {
    // A field that is undefined is left out of the log.
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    lines.push({ level, message, fields: Object.fromEntries(present) });
  };
  const log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return {
    journal: new Journal(log, {
      clock,
      config: () => ({ ...config, log: { ...config.log, level } }),
    }),
    clock,
    lines,
  };
}

const WORLD = await new World().start();
WORLD.handle(opening());
const entry = WORLD.only();
const { session } = entry;
[10, 2, 8, 1].forEach((packets, i) => {
  const sample = entry.samples[i];
  if (sample) Object.assign(sample, { packets, bytes: packets * 200 });
});

const DESCRIBED: Fields = {
  call: "call-1",
  instance: "default",
  caller: "10.10.1.10:6000",
  callee: "192.0.2.20:7000",
  relay: "10.10.1.1:20002/192.0.2.1:20000",
};

const TOTALS: Fields = {
  durationSeconds: 0,
  callerPackets: 10,
  callerBytes: 2000,
  callerRtcp: 2,
  calleePackets: 8,
  calleeBytes: 1600,
  calleeRtcp: 1,
};

function refused(reason: RefusalReason = "collision"): RelayEvent {
  const refusal = { reason, message: "the test says so" };
  return { kind: "refused", instance: "default", callId: "call-1", refusal };
}

const LINES: readonly (readonly [RelayEvent, Line])[] = [
  [{ kind: "opened", session }, {
    level: "debug",
    message: "Session opened",
    fields: DESCRIBED,
  }],
  [{ kind: "updated", session }, {
    level: "debug",
    message: "Session updated",
    fields: DESCRIBED,
  }],
  [{ kind: "stale", session }, { level: "debug", message: "Session stale", fields: DESCRIBED }],
  [{ kind: "resumed", session }, {
    level: "debug",
    message: "Session resumed",
    fields: DESCRIBED,
  }],
  [{ kind: "ended", session, entry, reason: "command" }, {
    level: "debug",
    message: "Session ended",
    fields: { ...DESCRIBED, reason: "command", ...TOTALS },
  }],
  [{ kind: "ended", session, entry, reason: "silent" }, {
    level: "info",
    message: "Session ended",
    fields: { ...DESCRIBED, reason: "silent", ...TOTALS },
  }],
  [refused(), {
    level: "warn",
    message: "Call refused",
    fields: {
      call: "call-1",
      instance: "default",
      reason: "collision",
      detail: "the test says so",
    },
  }],
  [{ kind: "learned", session, index: 0, port: 41234 }, {
    level: "debug",
    message: "Source port learned",
    fields: { call: "call-1", flow: "a.rtp", port: 41234, signalled: 6000 },
  }],
  [{ kind: "learned", session, index: 3, port: 7101 }, {
    level: "debug",
    message: "Source port learned",
    fields: { call: "call-1", flow: "b.rtcp", port: 7101, signalled: 7001 },
  }],
  [{ kind: "unknown-close", instance: "default", callId: "call-2" }, {
    level: "debug",
    message: "Nothing to close",
    fields: { call: "call-2", instance: "default" },
  }],
  [{ kind: "mended", pieces: 7 }, {
    level: "warn",
    message: "The kernel's table was changed by somebody else and is put right",
    fields: { pieces: 7 },
  }],
  [{ kind: "backend-error", message: "no room", callId: "call-1" }, {
    level: "warn",
    message: "The kernel refused a change",
    fields: { call: "call-1", detail: "no room" },
  }],
];

Deno.test("Journal tells the log what happens, with the Call-ID", () => {
  for (const [event, line] of LINES) {
    const { journal, lines } = keep();
    journal.record(event);
    assert.deepEqual(lines, [line], event.kind);
  }
});

Deno.test("Journal keeps what happens to every call from a log without debug lines", () => {
  const { journal, lines } = keep("info");
  for (const [event] of LINES) journal.record(event);
  assert.deepEqual(lines.map(({ level }) => level), ["info", "warn", "warn", "warn"]);
});

Deno.test("Journal tells the end of each call at info, if it is to", () => {
  const { journal, lines } = keep("info", true);
  journal.record({ kind: "opened", session });
  journal.record({ kind: "ended", session, entry, reason: "command" });
  assert.deepEqual(lines, [{
    level: "info",
    message: "Session ended",
    fields: { ...DESCRIBED, reason: "command", ...TOTALS },
  }]);
});

Deno.test("Journal wants the last counts of those sessions whose end gets a line", () => {
  const wants = (level: LogLevel, logCalls: boolean): readonly boolean[] => {
    const { journal } = keep(level, logCalls);
    return [journal.tellsOfEnd("command"), journal.tellsOfEnd("dropped")];
  };
  assert.deepEqual(wants("info", false), [false, true]);
  assert.deepEqual(wants("info", true), [true, true]);
  assert.deepEqual(wants("debug", false), [true, true]);
});

Deno.test("Journal counts every kind of event", () => {
  const { journal } = keep("info");
  const idle = structuredClone(journal.counts);
  for (const [event] of LINES) journal.record(event);
  assert.deepEqual(journal.counts, {
    ...idle,
    opened: 1,
    updated: 1,
    stale: 1,
    resumed: 1,
    learned: 2,
    unknownClose: 1,
    mended: 1,
    backendErrors: 1,
    ended: { ...idle.ended, command: 1, silent: 1 },
    heard: { ...idle.heard, nobody: 2 },
    refused: { ...idle.refused, collision: 1 },
  });
});

Deno.test("Journal counts ends and refusals by their reasons", () => {
  const { journal } = keep();
  const endings = Object.keys(journal.counts.ended) as EndReason[];
  const refusals = Object.keys(journal.counts.refused) as RefusalReason[];
  for (const reason of endings) journal.record({ kind: "ended", session, entry, reason });
  for (const reason of refusals) journal.record(refused(reason));
  assert.ok([...endings, ...refusals].length >= 12);
  for (const count of Object.values(journal.counts.ended)) assert.equal(count, 1);
  for (const count of Object.values(journal.counts.refused)) assert.equal(count, 1);
});

Deno.test("Journal counts whose RTP was heard in sessions that are over", () => {
  const { journal } = keep();
  const [open, known] = [OPEN_LATCH, lockedTo(41000)];
  const latches: readonly Latches[] = [[open, open, known, open], [known, open, known, open]];
  for (const each of latches) {
    const ended = { ...session, latches: each };
    journal.record({ kind: "ended", session: ended, entry, reason: "command" });
  }
  assert.deepEqual(journal.counts.heard, { both: 1, caller: 0, callee: 1, nobody: 0 });
});

Deno.test("Journal counts and tells of what was thrown", () => {
  const { journal, lines } = keep();
  journal.recordFailure(new Error("out of memory"));
  journal.recordFailure("a string");
  assert.equal(journal.counts.backendErrors, 2);
  assert.deepEqual(lines.map(({ fields }) => fields), [
    { detail: "out of memory" },
    { detail: "a string" },
  ]);
});

Deno.test("Journal writes 50 warnings a second, counts all, and tells what it held back", () => {
  const { journal, clock, lines } = keep();
  for (let i = 0; i < 500; i++) journal.record(refused());
  assert.equal(lines.length, 50);
  assert.equal(journal.counts.refused.collision, 500);
  clock.advance(1000);
  for (let i = 0; i < 500; i++) journal.record(refused());
  assert.equal(lines.length, 100);
  assert.deepEqual([lines[50]?.fields["suppressed"], lines[51]?.fields["suppressed"]], [
    450,
    undefined,
  ]);
});

Deno.test("Journal shares the limit among refusals, errors and failures", () => {
  const { journal, lines } = keep();
  for (let i = 0; i < 50; i++) journal.record(refused());
  journal.record({ kind: "backend-error", message: "no room", callId: null });
  journal.recordFailure(new Error("out of memory"));
  assert.equal(lines.length, 50);
  // What is rare and telling is never held back.
  journal.record({ kind: "mended", pieces: 1 });
  journal.record({ kind: "ended", session, entry, reason: "never-heard" });
  assert.equal(lines.length, 52);
});

Deno.test("Journal knows for a while which calls were refused", () => {
  const { journal, clock } = keep();
  const refuse = (reason: RefusalReason, message: string): void =>
    journal.record({
      kind: "refused",
      callId: "x",
      instance: "default",
      refusal: { reason, message },
    });
  refuse("collision", "one");
  clock.advance(300_000);
  refuse("collision", "two");
  refuse("full", "three");
  const recent = () =>
    [...journal.recentRefusals()].map(([reason, { calls, message }]) => [reason, calls, message]);
  assert.deepEqual(recent(), [["collision", 2, "two"], ["full", 1, "three"]]);
  clock.advance(599_000);
  refuse("full", "four");
  clock.advance(2_000);
  assert.deepEqual(recent(), [["full", 2, "four"]]);
  clock.advance(601_000);
  refuse("full", "five");
  assert.deepEqual(recent(), [["full", 1, "five"]]);
});
