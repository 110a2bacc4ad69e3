/** Watches the SDP that reaches one side, and writes down what report.ts is to know. */
import type { Carrier, Event } from "./events.ts";
import { leaksOf, type RelaySide } from "./leaks.ts";
import { split, toBytes } from "./message.ts";

export class Journal implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #side: RelaySide;
  readonly #bodies = new Map<Carrier, { all: number; relayed: number }>();

  constructor(path: string, side: RelaySide) {
    this.#file = Deno.openSync(path, { write: true, create: true, append: true });
    this.#side = side;
  }

  write(event: Event): void {
    this.#file.writeSync(toBytes(JSON.stringify(event) + "\n"));
  }

  /** Looks at a message that has arrived. */
  check(index: number, carrier: Carrier, text: string): void {
    const { body } = split(text);
    if (!/^m=/m.test(body)) return;
    const count = this.#bodies.get(carrier) ?? { all: 0, relayed: 0 };
    count.all++;
    if (body.includes(this.#side.address)) count.relayed++;
    this.#bodies.set(carrier, count);
    for (const leak of leaksOf(body, this.#side)) {
      this.write({ event: "leak", index, carrier, leak, text });
    }
  }

  [Symbol.dispose](): void {
    for (const [carrier, count] of this.#bodies) this.write({ event: "bodies", carrier, ...count });
    this.#file.close();
  }
}
