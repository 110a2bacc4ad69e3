import type { Address } from "../base/cidr.ts";
import type { Command } from "../core/plan.ts";
import type { Outcome } from "../core/relay.ts";
import { CommandMeter } from "./command_meter.ts";
import { Peers } from "./peers.ts";
import { AWAY, configReply, type EngineConfig, pongReply, verdictReply } from "./reply.ts";
import { type Framing, NO_REPLY, parseRequest, type Request } from "./request.ts";

/** What carries requests out. */
export interface Engine {
  /** Carry out commands in order; the answer comes when the data path has confirmed them. */
  handle(commands: readonly Command[]): Promise<readonly Outcome[]>;
  /** What G says of an instance. */
  configOf(instance: string): EngineConfig;
}

/** What was asked and how it went, for the counters. */
export interface ControlCounts {
  ping: number;
  config: number;
  open: number;
  close: number;
  refused: number;
  /** Datagrams that are no requests. */
  garbage: number;
  /** Datagrams from peers that may not send commands. */
  stranger: number;
  /** Answers that send Kamailio to another engine, while the daemon drains. */
  away: number;
}

interface Letter {
  readonly instance: string;
  readonly bytes: Uint8Array;
  readonly framing: Framing;
  /** Who sent it; nobody can tell on a UNIX stream. */
  readonly from?: Address;
  /** When it came, on the monotonic clock, if that was not just now. */
  readonly receivedMs?: number;
  readonly answer: (reply: Uint8Array<ArrayBuffer> | null) => void;
}

/** A command that waits for the data path. */
interface Waiting {
  readonly letter: Letter;
  readonly command: Command;
  readonly receivedMs: number;
}

/**
 * Collects the requests that arrive within one turn of the event loop, so that the data path is
 * asked once for all of them. P and G do not wait: nothing has to happen for them.
 */
export class Inbox {
  readonly counts: ControlCounts = {
    ping: 0,
    config: 0,
    open: 0,
    close: 0,
    refused: 0,
    garbage: 0,
    stranger: 0,
    away: 0,
  };
  readonly meter = new CommandMeter();
  readonly peers = new Peers();
  readonly #engine: Engine;
  readonly #onError: (error: unknown) => void;
  readonly #isDraining: () => boolean;
  #waiting: Waiting[] = [];
  #delivery: Promise<void> | null = null;

  /** `onError` is told what the engine throws; while `isDraining`, Kamailio is to go elsewhere. */
  constructor(
    engine: Engine,
    onError: (error: unknown) => void,
    isDraining: () => boolean = () => false,
  ) {
    this.#engine = engine;
    this.#onError = onError;
    this.#isDraining = isDraining;
  }

  /**
   * Take one request. `answer` is called once, with null where there is nothing to answer; not at all
   * for a request that asks for no reply.
   */
  take(letter: Letter): void {
    const request = parseRequest(letter.bytes, letter.framing);
    const isMute = request.verb !== "none" && request.cookie === NO_REPLY;
    this.#take(request, isMute ? { ...letter, answer: () => {} } : letter);
  }

  #take(request: Request, letter: Letter): void {
    const receivedMs = letter.receivedMs ?? performance.now();
    if (request.verb !== "none" && request.verb !== "bad") {
      const { instance, from = null } = letter;
      this.peers.note(instance, from, { verb: request.verb, nowMs: receivedMs });
    }
    switch (request.verb) {
      case "P":
        this.counts.ping++;
        letter.answer(this.#orAway(() => pongReply(request.cookie)));
        return this.meter.answered("P", { accepted: true, receivedMs });
      case "G":
        this.counts.config++;
        letter.answer(
          this.#orAway(() => configReply(request.cookie, this.#engine.configOf(letter.instance))),
        );
        return this.meter.answered("G", { accepted: true, receivedMs });
      case "none":
        this.counts.garbage++;
        return letter.answer(null);
      case "bad":
        this.counts.refused++;
        letter.answer(verdictReply(letter.bytes, "ER"));
        return this.meter.answered("other", { accepted: false, receivedMs });
      default: {
        const kind = request.verb === "S" ? "open" : "close";
        this.counts[kind]++;
        const command = { kind, instance: letter.instance, fields: request.fields } as const;
        this.#waiting.push({ letter, command, receivedMs });
        this.#delivery ??= this.#deliverSoon();
      }
    }
  }

  /** Wait until all that was taken is answered. */
  async settled(): Promise<void> {
    while (this.#delivery) await this.#delivery;
  }

  async #deliverSoon(): Promise<void> {
    // Whoever reads a socket takes all that waits there before this goes on.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#deliver(batch);
    }
    this.#delivery = null;
  }

  async #deliver(batch: readonly Waiting[]): Promise<void> {
    const outcomes = await this.#handle(batch.map(({ command }) => command));
    batch.forEach(({ letter, command, receivedMs }, i) => {
      const outcome = outcomes[i];
      const accepted = outcome?.ok === true;
      if (!accepted) this.counts.refused++;
      const reply = (): Uint8Array<ArrayBuffer> => {
        return verdictReply(letter.bytes, accepted ? "OK" : "ER");
      };
      // A new call has our address in its SDP, so it is carried; it is the last one from this Kamailio.
      const isNew = accepted && outcome.value === "opened";
      letter.answer(isNew ? this.#orAway(reply) : reply());
      this.meter.answered(command.kind === "open" ? "S" : "D", { accepted, receivedMs });
    });
  }

  #orAway(reply: () => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (!this.#isDraining()) return reply();
    this.counts.away++;
    return AWAY;
  }

  /** Whatever goes wrong, Kamailio's workers must not wait: a failed batch is refused. */
  async #handle(commands: readonly Command[]): Promise<readonly Outcome[]> {
    try {
      return await this.#engine.handle(commands);
    } catch (error) {
      this.#onError(error);
      return [];
    }
  }
}
