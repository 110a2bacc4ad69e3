/**
 * The callers: sends the INVITE of each dialog to Kamailio and does what a sound phone does after it.
 *
 *   caller.ts JOURNAL SEED INDEXES AT-ONCE SOUND         INDEXES: "0-9999", "17", "3,17,40"
 *
 * SOUND is the number of the first sound dialog: another one for each start.
 * Exit status: 0 all dialogs done, 3 Kamailio makes no calls any more.
 */
import type { CallEvent } from "./events.ts";
import { CALLER_HOST, type Dialog, FIRST_SOUND, planDialog, sipPort } from "./dialogs.ts";
import { Inbox } from "./inbox.ts";
import { Journal } from "./journal.ts";
import { TO_CALLER } from "./leaks.ts";
import { isPlainSip, type Parts, split, statusOf, value } from "./message.ts";
import { ackOfRefusal, cancelOf, inDialog } from "./requests.ts";

/** RFC 3261's T1; doubled for each repetition. */
const RESEND_MS = 500;
/** How long an answer may take: Kamailio's own timers are longer. */
const PATIENCE_MS = 3000;
/** The same for what need not be answered, since it may be no SIP. */
const SHORT_PATIENCE_MS = 800;
/** After so many mutated dialogs comes a sound one. */
const SOUND_EVERY = 50;
const KAMAILIO_IS_GONE = 3;

/** What came for a request: statuses in order, the last message whole. */
interface Answers {
  readonly last: number;
  readonly final: Parts | undefined;
}

class Call {
  readonly #dialog: Dialog;
  readonly #inbox: Inbox;
  readonly #journal: Journal;
  readonly #invite: Parts;
  readonly #isSound: boolean;

  constructor(dialog: Dialog, inbox: Inbox, journal: Journal) {
    this.#dialog = dialog;
    this.#inbox = inbox;
    this.#journal = journal;
    this.#invite = split(dialog.invite);
    this.#isSound = isPlainSip(dialog.invite);
  }

  async run(): Promise<CallEvent> {
    let { last, final } = await this.#invited();
    if (!final && last > 0) {
      // Nobody waits for ever: the 200 was lost, or is one that Kamailio cannot read.
      ({ last, final } = await this.#canceled(last));
    }
    const status = final ? statusOf(final) : 0;
    const event = { event: "call", index: this.#dialog.index, status, last } as const;
    const reason = final?.start.slice(8) ?? "";
    if (!final) return { ...event, reason };
    if (status >= 300) {
      await this.#inbox.send(ackOfRefusal(this.#invite, final));
      return { ...event, reason };
    }
    return { ...event, reason, bye: await this.#hangUp(final) };
  }

  async #invited(): Promise<Answers> {
    const { outcome, invite } = this.#dialog;
    return await this.#exchange(invite, "INVITE", (status) => outcome === "cancel" && status > 100);
  }

  async #canceled(before: number): Promise<Answers> {
    const { last, final } = await this.#exchange(cancelOf(this.#invite), "INVITE", () => false);
    return { last: last || before, final };
  }

  /** Sends a request until a final response comes. The call is given up when `isEnough` says so. */
  async #exchange(
    request: string,
    method: string,
    isEnough: (status: number) => boolean,
  ): Promise<Answers> {
    const isSound = method === "BYE" || this.#isSound;
    let deadline = performance.now() + (isSound ? PATIENCE_MS : SHORT_PATIENCE_MS);
    let last = 0;
    let resend = RESEND_MS;
    await this.#inbox.send(request);
    while (performance.now() < deadline) {
      const text = await this.#inbox.next(Math.min(deadline, performance.now() + resend));
      if (text === undefined) {
        if (last === 0) await this.#inbox.send(request);
        resend *= 2;
        continue;
      }
      const response = this.#read(text, method);
      if (!response) continue;
      if (last === 0) deadline = performance.now() + PATIENCE_MS;
      last = statusOf(response);
      if (last >= 200) return { last, final: response };
      if (isEnough(last)) return { last, final: undefined };
    }
    return { last, final: undefined };
  }

  /** A response to a method, its SDP looked at. */
  #read(text: string, method: string): Parts | undefined {
    const parts = split(text);
    if (statusOf(parts) === 0) return undefined;
    this.#journal.check(this.#dialog.index, "answer", text);
    // Of a damaged CSeq, the method may be lost: what is not for another request is for this one.
    const other = method === "INVITE" ? /\b(BYE|CANCEL)\b/ : /\b(INVITE|CANCEL)\b/;
    return other.test(value(parts, "cseq")) ? undefined : parts;
  }

  async #hangUp(answer: Parts): Promise<number> {
    const isLateOffer = split(this.#dialog.invite).body === "" && answer.body !== "";
    const body = isLateOffer ? this.#dialog.ack : "";
    const dialog = { invite: this.#invite, answer };
    await this.#inbox.send(inDialog("ACK", { ...dialog, body }));
    const { final } = await this.#exchange(inDialog("BYE", dialog), "BYE", () => false);
    return final ? statusOf(final) : 0;
  }
}

async function call(dialog: Dialog, journal: Journal): Promise<CallEvent> {
  using inbox = new Inbox(CALLER_HOST, sipPort(dialog.index));
  return await new Call(dialog, inbox, journal).run();
}

/** "3,17,40-42" as numbers. */
function parseIndexes(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Runs dialogs, some at once, and a sound one now and then. */
class Callers {
  readonly #seed: number;
  readonly #journal: Journal;
  readonly #queue: Iterator<number>;
  /** Those since the last sound dialog that was answered, and those under way when it began. */
  #suspects = new Set<number>();
  readonly #underWay = new Set<number>();
  #sound: number;
  #done = 0;
  /** The index that none has reached. */
  #next = 0;
  #isGone = false;

  constructor(
    seed: number,
    indexes: readonly number[],
    { sound, journal }: { sound: number; journal: Journal },
  ) {
    this.#seed = seed;
    this.#sound = sound;
    this.#journal = journal;
    this.#queue = indexes.values();
  }

  /** Returns whom to suspect if Kamailio makes no calls any more. */
  async run(atOnce: number): Promise<{ suspects: readonly number[]; next: number }> {
    const soundEvery = atOnce === 1 ? 1 : SOUND_EVERY;
    await Promise.all(Array.from({ length: atOnce }, () => this.#work(soundEvery)));
    if (!this.#isGone) await this.#mustMakeCalls();
    const suspects = this.#isGone ? [...this.#suspects].sort((a, b) => a - b) : [];
    return { suspects, next: this.#next };
  }

  async #work(soundEvery: number): Promise<void> {
    for (let item; !this.#isGone && !(item = this.#queue.next()).done;) {
      const dialog = planDialog(this.#seed, item.value);
      this.#next = item.value + 1;
      this.#underWay.add(dialog.index);
      this.#suspects.add(dialog.index);
      const event = await call(dialog, this.#journal);
      this.#journal.write(event);
      this.#underWay.delete(dialog.index);
      const isOdd = event.last === 0 && isPlainSip(dialog.invite);
      if (isOdd || ++this.#done % soundEvery === 0) await this.#mustMakeCalls();
    }
  }

  /** A sound dialog. Without an answer it says that a worker of Kamailio hangs, or that all are dead. */
  async #mustMakeCalls(): Promise<void> {
    const before = this.#suspects;
    this.#suspects = new Set(this.#underWay);
    const dialog = planDialog(this.#seed, FIRST_SOUND + this.#sound++);
    const { bye } = await call(dialog, this.#journal);
    if (bye === 200) return;
    this.#isGone = true;
    for (const index of before) this.#suspects.add(index);
  }
}

async function main(): Promise<void> {
  const [path = "", seed = "", indexes = "", atOnce = "", sound = ""] = Deno.args;
  using journal = new Journal(path, TO_CALLER);
  const started = performance.now();
  const callers = new Callers(Number(seed), parseIndexes(indexes), {
    sound: Number(sound),
    journal,
  });
  const { suspects, next } = await callers.run(Number(atOnce));
  const seconds = (performance.now() - started) / 1000;
  journal.write({ event: "end", seconds, suspects, next });
  if (suspects.length > 0) Deno.exitCode = KAMAILIO_IS_GONE;
}

await main();
