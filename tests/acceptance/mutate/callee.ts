/**
 * The callees: looks at each SDP that arrives and answers as the dialog's plan says, until SIGTERM.
 *
 *   callee.ts JOURNAL SEED
 */
import { answerTo, CALLEE_HOST, type Dialog, planDialog } from "./dialogs.ts";
import { Journal } from "./journal.ts";
import { TO_CALLEE } from "./leaks.ts";
import { methodOf, type Parts, split, toBytes, toText } from "./message.ts";
import { reply } from "./requests.ts";

/** What a callee says to a request, in order; to an ACK, nothing. */
function responses(dialog: Dialog, request: Parts): readonly string[] {
  const tag = `b${dialog.index}`;
  switch (methodOf(request)) {
    case "ACK":
      return [];
    case "INVITE":
      if (dialog.outcome === "cancel") return [reply(request, "180 Ringing", tag)];
      return [
        ...(dialog.early && dialog.outcome === "answer" ? [answerTo(dialog, request, true)] : []),
        answerTo(dialog, request, false),
      ];
    default:
      return [reply(request, "200 OK", tag)];
  }
}

class Callee {
  readonly #seed: number;
  readonly #socket: Deno.DatagramConn;
  readonly #journal: Journal;
  /** INVITEs that a CANCEL may come for. */
  readonly #ringing = new Map<number, Parts>();

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
    }
  }

  #answersTo(text: string): readonly string[] {
    const request = split(text);
    const index = Number(/ sips?:m(\d+)@/.exec(request.start)?.[1] ?? -1);
    const method = methodOf(request);
    if (index < 0 || method === "") return [];
    const dialog = planDialog(this.#seed, index);
    if (method === "INVITE" || method === "ACK") {
      this.#journal.check(index, method === "ACK" ? "ack" : "offer", text);
    }
    return [...responses(dialog, request), ...this.#ended(index, method, request)];
  }

  /** A 487 for the INVITE that a CANCEL ends. */
  #ended(index: number, method: string, request: Parts): readonly string[] {
    if (method === "INVITE") this.#ringing.set(index, request);
    const invite = this.#ringing.get(index);
    if (method === "BYE") this.#ringing.delete(index);
    if (method !== "CANCEL" || !invite) return [];
    this.#ringing.delete(index);
    return [reply(invite, "487 Request Terminated", `b${index}`)];
  }
}

async function main(): Promise<void> {
  const [path = "", seed = ""] = Deno.args;
  using journal = new Journal(path, TO_CALLEE);
  const socket = Deno.listenDatagram({ transport: "udp", hostname: CALLEE_HOST, port: 5060 });
  Deno.addSignalListener("SIGTERM", () => socket.close());
  await new Callee(Number(seed), socket, journal).serve();
}

await main();
