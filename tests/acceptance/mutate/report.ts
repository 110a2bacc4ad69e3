/**
 * Says what a run of mutated dialogs has come to: one line per check, exit status 1 if one failed,
 * and the messages behind each failure in FOLDER/violations.txt.
 *
 *   report.ts FOLDER SEED
 */
import { describe, type Dialog, planDialog } from "./dialogs.ts";
import { type CallEvent, type Event, readEvents } from "./events.ts";
import { isPlainSip } from "./message.ts";
import { reasonOf, whereAllowed } from "./reasons.ts";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** What must not be, and where to look. */
export interface Violation {
  readonly what: string;
  /** Of an SDP past the relay, what about the message has led there; else "". */
  readonly reason: string;
  readonly index: number;
  readonly text: string;
}

export interface Report {
  readonly checks: readonly Check[];
  readonly violations: readonly Violation[];
  /** What is only worth knowing, in lines. */
  readonly notes: readonly string[];
}

/** A run in which fewer calls than this were answered has tested nothing. */
const LEAST_ANSWERED_PERCENT = 25;
/** Of so few dialogs, all may be refused. */
const FEW_DIALOGS = 50;

function countBy<T>(list: readonly T[], key: (one: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of list) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return new Map([...counts].sort());
}

function listing(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([key, count]) => `${key}: ${count}`).join(", ") || "none";
}

/** A body may be damaged as it likes, and its response is still one that Kamailio must pass on. */
function isAnswerSound(dialog: Dialog): boolean {
  return dialog.damage.answer.every((name) => name.startsWith("sdp:"));
}

/** The events without those of dialogs made again: of a call, the last counts; of a leak, the first. */
function once(events: readonly Event[]): readonly Event[] {
  const byKey = new Map<string, Event>();
  events.forEach((event, i) => {
    if (event.event === "call") byKey.set(`call ${event.index}`, event);
    else if (event.event === "leak") {
      const key = `${event.carrier} ${event.index} ${event.leak.line}`;
      if (!byKey.has(key)) byKey.set(key, event);
    } else byKey.set(String(i), event);
  });
  return [...byKey.values()];
}

/** Bodies that came and that had the relay's address, by what they came in. */
function checkBodies(events: readonly Event[]): readonly Check[] {
  return ["offer", "answer", "ack"].map((carrier) => {
    const counts = events.filter((event) => event.event === "bodies" && event.carrier === carrier);
    const sum = (key: "all" | "relayed") =>
      counts.reduce((total, event) => total + (event.event === "bodies" ? event[key] : 0), 0);
    return {
      name: `${carrier}s with the relay's address`,
      ok: sum("all") === 0 || sum("relayed") > 0,
      detail: `${sum("relayed")} of ${sum("all")} bodies`,
    };
  });
}

/** What is wrong with the end of a call, or nothing. */
function wrongEnd(call: CallEvent, dialog: Dialog): string | undefined {
  if (!isPlainSip(dialog.invite)) return undefined;
  if (call.status === 0 && call.last === 0) return "no answer to a sound INVITE";
  if (call.status === 0 && isAnswerSound(dialog)) return "no final answer, also after CANCEL";
  if (call.bye === 0 && isAnswerSound(dialog)) return "no answer to BYE";
  return undefined;
}

type LeakEvent = Extract<Event, { event: "leak" }>;

function isAllowed({ carrier, leak, text }: LeakEvent): boolean {
  return whereAllowed(carrier, leak, reasonOf(leak, text)) !== undefined;
}

function violationOf({ carrier, index, leak, text }: LeakEvent): Violation {
  const what = `${carrier} with ${leak.kind} past the relay`;
  return { what, reason: reasonOf(leak, text), index, text };
}

/** The caller sends an ACK for each 200 that it gets: it must arrive if both messages were sound SIP. */
function lostAck(
  index: number,
  events: readonly Event[],
  plan: (index: number) => Dialog,
): Violation[] {
  const isAnswered = events.some((event) =>
    event.event === "call" && event.index === index && event.status === 200
  );
  const dialog = plan(index);
  if (!isAnswered || !isPlainSip(dialog.invite) || !isAnswerSound(dialog)) return [];
  return [{ what: "no ACK for a 200", reason: "", index, text: dialog.invite }];
}

function violationsOf(events: readonly Event[], plan: (index: number) => Dialog): Violation[] {
  return events.flatMap((event) => {
    if (event.event === "unacknowledged") return lostAck(event.index, events, plan);
    if (event.event === "leak") return isAllowed(event) ? [] : [violationOf(event)];
    if (event.event !== "call") return [];
    const dialog = plan(event.index);
    const what = wrongEnd(event, dialog);
    return what === undefined
      ? []
      : [{ what, reason: "", index: event.index, text: dialog.invite }];
  });
}

function checkNone(what: string, violations: readonly Violation[]): Check {
  const found = violations.filter((violation) => violation.what === what);
  const dialogs = [...new Set(found.map(({ index }) => index))];
  const shown = dialogs.slice(0, 5).join(", ") + (dialogs.length > 5 ? ", …" : "");
  const detail = found.length === 0 ? "0" : `${found.length}, in dialogs ${shown}`;
  return { name: what, ok: found.length === 0, detail };
}

const NEVER = [
  "no answer to a sound INVITE",
  "no final answer, also after CANCEL",
  "no ACK for a 200",
  "no answer to BYE",
  ...["offer", "answer", "ack"].flatMap((carrier) =>
    ["c=", "m= port"].map((kind) => `${carrier} with ${kind} past the relay`)
  ),
];

function checkAnswered(calls: readonly CallEvent[], expected: number): readonly Check[] {
  const answered = calls.filter(({ status }) => status === 200).length;
  return [
    {
      name: "dialogs made",
      ok: calls.length === expected,
      detail: `${calls.length} of ${expected}`,
    },
    {
      name: "enough of them answered",
      ok: expected < FEW_DIALOGS || 100 * answered >= LEAST_ANSWERED_PERCENT * expected,
      detail: `${answered} with 200`,
    },
  ];
}

/** Judges the events of both sides. `plan` gives the dialog of an index. */
export function report(
  all: readonly Event[],
  expected: number,
  plan: (index: number) => Dialog,
): Report {
  const events = once(all);
  const calls = events.filter((event) => event.event === "call");
  const leaks = events.filter((event) => event.event === "leak");
  const violations = violationsOf(events, plan);
  const checks = [
    ...checkAnswered(calls, expected),
    ...checkBodies(events),
    ...NEVER.map((what) => checkNone(what, violations)),
  ];
  const seconds = events.reduce((sum, one) => sum + (one.event === "end" ? one.seconds : 0), 0);
  const documented = leaks.filter(isAllowed);
  const past = violations.filter(({ reason }) => reason !== "");
  const notes = [
    `INVITE: ${listing(countBy(calls, ({ status, reason }) => reason || `none after ${status}`))}`,
    `BYE: ${
      listing(countBy(calls.filter(({ bye }) => bye !== undefined), ({ bye }) => String(bye)))
    }`,
    ...[...countBy(past, ({ what, reason }) => `${what}, ${reason}`)].map(([what, found]) =>
      `${what}: ${found}, as in dialog ${
        past.find((one) => `${one.what}, ${one.reason}` === what)?.index
      }`
    ),
    `let through as documented: ${
      listing(countBy(documented, ({ carrier, leak }) => `${carrier} ${leak.kind}`))
    }`,
    `${seconds.toFixed(1)} s, ${(calls.length / seconds).toFixed(0)} dialogs a second`,
  ];
  return { checks, violations, notes };
}

async function main(): Promise<void> {
  const [folder = "", seed = "", expected = ""] = Deno.args;
  const texts = await Promise.all(
    ["caller", "callee"].map((side) => Deno.readTextFile(`${folder}/${side}.jsonl`)),
  );
  const plan = (index: number) => planDialog(Number(seed), index);
  const { checks, violations, notes } = report(texts.flatMap(readEvents), Number(expected), plan);
  for (const check of checks) {
    console.log(`  ${check.ok ? "ok  " : "FAIL"}  ${check.name}: ${check.detail}`);
  }
  for (const note of notes) console.log(`        (${note})`);
  const pages = violations.map(({ what, reason, index, text }) =>
    `== ${what}, ${reason}: ${describe(plan(index))}\n${text}\n`
  );
  await Deno.writeTextFile(`${folder}/violations.txt`, pages.join("\n"));
  if (checks.some((check) => !check.ok)) Deno.exit(1);
}

if (import.meta.main) await main();
