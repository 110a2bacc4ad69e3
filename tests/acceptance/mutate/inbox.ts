/** A UDP socket whose datagrams are waited for with a deadline. */
import { toBytes, toText } from "./message.ts";

const KAMAILIO: Deno.NetAddr = { transport: "udp", hostname: "10.10.1.1", port: 5060 };

export class Inbox implements Disposable {
  readonly #socket: Deno.DatagramConn;
  readonly #waiting: string[] = [];
  #wake: (() => void) | undefined;

  /** Throws if the address and port are in use. */
  constructor(hostname: string, port: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    void this.#receive();
  }

  async #receive(): Promise<void> {
    // Ends when the socket is closed.
    for await (const [bytes] of this.#socket) {
      this.#waiting.push(toText(bytes));
      this.#wake?.();
    }
  }

  async send(text: string): Promise<void> {
    await this.#socket.send(toBytes(text), KAMAILIO);
  }

  /** The next datagram, or nothing if none comes before `deadlineMs` of performance.now(). */
  async next(deadlineMs: number): Promise<string | undefined> {
    if (this.#waiting.length === 0) await this.#arrival(deadlineMs - performance.now());
    return this.#waiting.shift();
  }

  #arrival(patienceMs: number): Promise<void> {
    if (patienceMs <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
