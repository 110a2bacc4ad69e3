/**
 * The callees: looks at each SDP that arrives and answers as the dialog's plan says, until SIGTERM.
 * SIGUSR1: Kamailio is another one, and dialogs may come again.
 *
 *   callee.ts JOURNAL SEED
 */
import { answerTo, CALLEE_HOST, type Dialog, planDialog } from "./dialogs.ts";
import { Journal } from "./journal.ts";
import { TO_CALLEE } from "./leaks.ts";
import { methodOf, type Parts, split, toBytes, toText, value } from "./message.ts";
import { reply } from "./requests.ts";

/** How long the end may take while Kamailio still repeats an INVITE: its T2 is 4 s. */
const SETTLE_MS = 10_000;

/** What a callee says to an INVITE that comes first, in order. */
function firstResponses(dialog: Dialog, invite: Parts): readonly string[] {
  if (dialog.outcome === "cancel") return [reply(invite, "180 Ringing", tagOf(dialog))];
  const isEarly = dialog.early && dialog.outcome === "answer";
  const final = answerTo(dialog, invite, false);
  return isEarly ? [answerTo(dialog, invite, true), final] : [final];
}

function tagOf(dialog: Dialog): string {
  return `b${dialog.index}`;
}

class Callee implements Disposable {
  readonly #seed: number;
  readonly #socket: Deno.DatagramConn;
  readonly #journal: Journal;
  /** INVITEs that were answered, and no ACK has come for them. */
  readonly #open = new Map<number, Parts>();
  /** The topmost Via, Kamailio's, of each INVITE that came. */
  readonly #seen = new Set<string>();
  #isEnding = false;

  constructor(seed: number, socket: Deno.DatagramConn, journal: Journal) {
    this.#seed = seed;
    this.#socket = socket;
    this.#journal = journal;
  }

  async serve(): Promise<void> {
    for await (const [bytes, from] of this.#socket) {
      for (const text of this.#answersTo(toText(bytes))) {
        await this.#socket.send(toBytes(text), from);
      }
      if (this.#isEnding && this.#open.size === 0) return;
    }
  }

  /** Ends when no INVITE is open: whoever listens here next would get Kamailio's repetitions. */
  end(): void {
    this.#isEnding = true;
    if (this.#open.size === 0) this.#socket.close();
    else Deno.unrefTimer(setTimeout(() => this.#socket.close(), SETTLE_MS));
  }

  /** Those for which no ACK has come, for the report. */
  [Symbol.dispose](): void {
    for (const index of this.#open.keys()) {
      this.#journal.write({ event: "unacknowledged", index });
    }
  }

  /** Takes what comes for the first time: Kamailio has started anew, and numbers anew. */
  forget(): void {
    this.#open.clear();
    this.#seen.clear();
  }

  #answersTo(text: string): readonly string[] {
    const request = split(text);
    const index = Number(/ sips?:m(\d+)@/.exec(request.start)?.[1] ?? -1);
    if (index < 0) return [];
    const dialog = planDialog(this.#seed, index);
    switch (methodOf(request)) {
      case "INVITE":
        this.#journal.check(index, "offer", text);
        return this.#invited(dialog, request);
      case "ACK":
        this.#journal.check(index, "ack", text);
        this.#open.delete(index);
        return [];
      case "CANCEL":
        return [reply(request, "200 OK", tagOf(dialog)), ...this.#canceled(dialog)];
      default:
        return [reply(request, "200 OK", tagOf(dialog))];
    }
  }

  /** An INVITE that comes again has an answer that Kamailio does not take: it gets a sound one. */
  #invited(dialog: Dialog, invite: Parts): readonly string[] {
    this.#open.set(dialog.index, invite);
    const via = value(invite, "via");
    if (this.#seen.has(via)) {
      return [reply(invite, "500 Mutated Answer Not Taken", tagOf(dialog))];
    }
    this.#seen.add(via);
    return firstResponses(dialog, invite);
  }

  #canceled(dialog: Dialog): readonly string[] {
    const invite = this.#open.get(dialog.index);
    return invite ? [reply(invite, "487 Request Terminated", tagOf(dialog))] : [];
  }
}

async function main(): Promise<void> {
  const [path = "", seed = ""] = Deno.args;
  using journal = new Journal(path, TO_CALLEE);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: CALLEE_HOST, port: 5060 });
  using callee = new Callee(Number(seed), socket, journal);
  Deno.addSignalListener("SIGUSR1", () => callee.forget());
  Deno.addSignalListener("SIGTERM", () => callee.end());
  await callee.serve();
}

await main();
