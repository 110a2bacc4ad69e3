import { strict as assert } from "node:assert";
import type { Namespace } from "../../src/netns/namespaces.ts";
import { numberedCall, requestText } from "../netns/kamailio.ts";

/** Kamailio's module sends a request again after a second, five times in all. */
const RETRANSMIT_MS = 1000;
const PAUSE_MS = 5;

/** How long a worker was held, and how often it had to ask again. */
export interface WorkerReport {
  readonly asked: number;
  readonly longestMs: number;
  readonly retransmissions: number;
  /** Sends that the kernel refused since nobody was bound to the port. */
  readonly refused: number;
}

/**
 * One worker of Kamailio that asks without end: it opens and closes a call of its own, waits for each
 * answer, and sends again what is not answered within a second.
 */
export class SteadyWorker implements AsyncDisposable {
  readonly #socket: Deno.DatagramConn;
  readonly #call: number;
  readonly #done: Promise<void>;
  #isOver = false;
  #report = { asked: 0, longestMs: 0, retransmissions: 0, refused: 0 };

  /** `call` numbers its call, which nobody else may use. */
  constructor(place: Namespace, call: number) {
    this.#call = call;
    this.#socket = place.run(() =>
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 })
    );
    this.#done = this.#work();
  }

  /** What there was since the last report. */
  report(): WorkerReport {
    const report = this.#report;
    this.#report = { asked: 0, longestMs: 0, retransmissions: 0, refused: 0 };
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#done;
    this.#socket.close();
  }

  async #work(): Promise<void> {
    const call = numberedCall(this.#call);
    // It ends with its call closed.
    for (let n = 0; !this.#isOver || n % 2 === 1; n++) {
      const request = requestText(n % 2 === 0 ? "S" : "D", call);
      const startMs = performance.now();
      const answer = await this.#ask(`${this.#call}_${n} ${request}`);
      assert.equal(answer, `${this.#call}_${n} ${request}OK`);
      this.#report.asked++;
      this.#report.longestMs = Math.max(this.#report.longestMs, performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #ask(text: string): Promise<string> {
    const [cookie = ""] = text.split(" ");
    const send = (): void => {
      const to = { transport: "udp", hostname: "127.0.0.1", port: 8080 } as const;
      this.#socket.send(new TextEncoder().encode(text), to).catch(() => this.#report.refused++);
    };
    const again = setInterval(() => {
      this.#report.retransmissions++;
      send();
    }, RETRANSMIT_MS);
    send();
    try {
      for (;;) {
        const answer = await this.#receive();
        // Both a request and its repetition may be answered.
        if (answer.startsWith(`${cookie} `)) return answer;
      }
    } finally {
      clearInterval(again);
    }
  }

  async #receive(): Promise<string> {
    for (;;) {
      try {
        const [bytes] = await this.#socket.receive();
        return new TextDecoder("latin1").decode(bytes);
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        this.#report.refused++;
      }
    }
  }
}

/** Several workers at once. */
export class Workers implements AsyncDisposable {
  readonly #workers: readonly SteadyWorker[];

  constructor(place: Namespace, calls: readonly number[]) {
    this.#workers = calls.map((call) => new SteadyWorker(place, call));
  }

  /** What there was since the last report, of all of them together. */
  report(): WorkerReport {
    const reports = this.#workers.map((worker) => worker.report());
    const sum = (of: (report: WorkerReport) => number): number =>
      reports.reduce((total, report) => total + of(report), 0);
    return {
      asked: sum(({ asked }) => asked),
      longestMs: Math.max(...reports.map(({ longestMs }) => longestMs)),
      retransmissions: sum(({ retransmissions }) => retransmissions),
      refused: sum(({ refused }) => refused),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
}
