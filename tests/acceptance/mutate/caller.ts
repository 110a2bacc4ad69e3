/**
 * The callers: sends the INVITE of each dialog to Kamailio and does what a sound phone does after it.
 *
 *   caller.ts JOURNAL SEED INDEXES… AT-ONCE       INDEXES: "0-9999", "17", "3,17,40"
 *
 * Exit status: 0 all dialogs done, 3 Kamailio does not answer any more.
 */
import type { CallEvent } from "./events.ts";
import { CALLER_HOST, type Dialog, planDialog, sipPort } from "./dialogs.ts";
import { Inbox } from "./inbox.ts";
import { Journal } from "./journal.ts";
import { TO_CALLER } from "./leaks.ts";
import { methodOf, type Parts, split, statusOf, value } from "./message.ts";
import { ackOfRefusal, cancelOf, inDialog, ping } from "./requests.ts";

/** RFC 3261's T1; doubled for each repetition. */
const RESEND_MS = 500;
/** How long an answer, or one of another kind, may take: Kamailio's own timers are longer. */
const PATIENCE_MS = 3000;
const KAMAILIO_IS_GONE = 3;

class KamailioGone extends Error {}

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

  constructor(dialog: Dialog, inbox: Inbox, journal: Journal) {
    this.#dialog = dialog;
    this.#inbox = inbox;
    this.#journal = journal;
    this.#invite = split(dialog.invite);
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
    const deadline = performance.now() + PATIENCE_MS;
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

/** Throws KamailioGone if Kamailio does not even answer for itself. */
async function mustBeThere(inbox: Inbox, port: number): Promise<void> {
  for (let attempt = 0; attempt < 4; attempt++) {
    await inbox.send(ping(CALLER_HOST, port, attempt));
    const deadline = performance.now() + RESEND_MS;
    let text;
    while ((text = await inbox.next(deadline)) !== undefined) {
      if (value(split(text), "cseq").includes("OPTIONS") && methodOf(split(text)) === "") return;
    }
  }
  throw new KamailioGone();
}

async function call(dialog: Dialog, journal: Journal): Promise<void> {
  const port = sipPort(dialog.index);
  using inbox = new Inbox(CALLER_HOST, port);
  const event = await new Call(dialog, inbox, journal).run();
  if (event.status === 0 || event.bye === 0) await mustBeThere(inbox, port);
  journal.write(event);
}

/** "3,17,40-42" as numbers. */
function parseIndexes(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Runs all dialogs, some at once; the indexes of those under way when Kamailio went. */
async function callAll(
  seed: number,
  indexes: readonly number[],
  { atOnce, journal }: { atOnce: number; journal: Journal },
): Promise<{ underWay: readonly number[]; next: number }> {
  const underWay = new Set<number>();
  const queue = indexes.values();
  let isGone = false;
  let next = 0;
  async function work(): Promise<void> {
    for (const index of queue) {
      underWay.add(index);
      next = index + 1;
      await call(planDialog(seed, index), journal);
      underWay.delete(index);
      if (isGone) return;
    }
  }
  const workers = await Promise.allSettled(
    Array.from({ length: atOnce }, () =>
      work().catch((error) => {
        isGone = true;
        if (!(error instanceof KamailioGone)) throw error;
      })),
  );
  const broken = workers.find((worker) => worker.status === "rejected");
  if (broken) throw broken.reason;
  return { underWay: [...underWay], next };
}

async function main(): Promise<void> {
  const [path = "", seed = "", indexes = "", atOnce = ""] = Deno.args;
  using journal = new Journal(path, TO_CALLER);
  const started = performance.now();
  const options = { atOnce: Number(atOnce), journal };
  const { underWay, next } = await callAll(Number(seed), parseIndexes(indexes), options);
  const seconds = (performance.now() - started) / 1000;
  journal.write({ event: "end", seconds, underWay, next });
  if (underWay.length > 0) Deno.exitCode = KAMAILIO_IS_GONE;
}

await main();
