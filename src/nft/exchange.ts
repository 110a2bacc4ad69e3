import type { Message } from "../netlink/decode.ts";
import { MessageWriter } from "../netlink/message.ts";
import { NetlinkMeter } from "./netlink_meter.ts";
import * as nft from "./protocol.ts";
import { type DumpEnd, NetlinkSocket } from "../netlink/socket.ts";

/** Writes one message of a transaction; the answer is its sequence number. */
export type WriteMessage = (
  message: { readonly type: number; readonly flags?: number },
  body: (out: MessageWriter) => void,
) => number;

/** Errnos of the messages that the kernel refused, by sequence number. */
export type Errors = ReadonlyMap<number, number>;

/** Questions to nf_tables and transactions with it, each whole before its call returns. */
export class Exchange implements Disposable {
  readonly #socket = new NetlinkSocket();
  readonly #out = new MessageWriter();
  readonly #meter: NetlinkMeter;
  #commits = 0;

  constructor(meter = new NetlinkMeter()) {
    this.#meter = meter;
  }

  /** How many transactions this exchange has committed. */
  get commits(): number {
    return this.#commits;
  }

  /** Ask for one thing. The answer is 0, or the errno: ENOENT where there is no such thing. */
  ask(type: number, body: (out: MessageWriter) => void, take: (message: Message) => void): number {
    return this.#meter.watch(() => {
      const seq = this.#start(type, nft.NLM_F_ACK, body);
      return this.#socket.readAcks({ first: seq, last: seq }, take).get(seq) ?? 0;
    });
  }

  /** Ask for all there is. */
  dump(
    type: number,
    body: (out: MessageWriter) => void,
    take: (message: Message) => void,
  ): DumpEnd {
    return this.#meter.watch(() => {
      return this.#socket.readDump(this.#start(type, nft.NLM_F_DUMP, body), take);
    });
  }

  /**
   * Ask for all there is, a buffer at a time, so that other work goes on in between. Nothing else
   * may use this exchange meanwhile. An incomplete answer is not told apart.
   */
  async *dumpSlowly(
    type: number,
    body: (out: MessageWriter) => void,
  ): AsyncGenerator<readonly Message[]> {
    const seq = this.#start(type, nft.NLM_F_DUMP, body);
    for (;;) {
      const some = this.#socket.readSome().filter((message) => message.seq === seq);
      const isLast = some.some(({ type }) => type === nft.NLMSG_DONE || type === nft.NLMSG_ERROR);
      yield some.filter(({ type }) => type !== nft.NLMSG_DONE && type !== nft.NLMSG_ERROR);
      if (isLast) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Commit a transaction. With any error, nothing of it has happened. */
  transact(write: (message: WriteMessage) => void): Errors {
    const out = this.#out;
    out.reset();
    const first = this.#socket.nextSequence();
    out.batchBegin(first);
    let last = 0;
    write(({ type, flags = 0 }, body) => {
      last = this.#socket.nextSequence();
      out.begin(type, flags, last);
      body(out);
      out.end();
      return last;
    });
    if (last === 0) return new Map();
    out.acknowledge();
    out.batchEnd(this.#socket.nextSequence());
    const startMs = performance.now();
    const errors = this.#meter.watch(() => {
      this.#socket.send(out);
      return this.#socket.readAcks({ first, last });
    });
    this.#meter.transacted(startMs, { refused: errors.size > 0 });
    if (errors.size === 0) this.#commits++;
    return errors;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #start(type: number, flags: number, body: (out: MessageWriter) => void): number {
    const seq = this.#socket.nextSequence();
    this.#out.reset();
    this.#out.begin(type, flags, seq);
    body(this.#out);
    this.#out.end();
    this.#socket.send(this.#out);
    return seq;
  }
}
