import type { LearnedPort } from "../core/backend.ts";
import type { Dumped } from "./dumped.ts";
import { portWord, wordPort } from "./elements.ts";
import type { ElementStore } from "./store.ts";

/** Remote address, local address, local port, the port that was heard. */
const WORDS = 4;
/** Elements given up in one transaction. */
const DISCARD_AT_ONCE = 1000;

/**
 * Empty the map `learned`, and tell what was in it. After a pause of all calls that are tens of
 * thousands of ports, which wait their turn as plain numbers.
 */
export function takeLearned(store: ElementStore): Iterator<LearnedPort> {
  const found = new PackedPorts();
  // While the table is gone nothing can have been heard.
  store.collectIfThere("learned", (element) => found.add(element));
  for (let from = 0; from < found.length; from += DISCARD_AT_ONCE) {
    store.discard("learned", found.keys(from, Math.min(found.length, from + DISCARD_AT_ONCE)));
  }
  return found.ports();
}

class PackedPorts {
  readonly #words: number[] = [];
  /** By local address: remote address and local port as one number. */
  readonly #seen = new Map<number, Set<number>>();

  get length(): number {
    return this.#words.length / WORDS;
  }

  /** A hash table that grows while it is read shows some elements twice: they count once. */
  add({ key: [remote = 0, address = 0, portOf], data }: Dumped): null {
    const port = wordPort(portOf);
    const seen = this.#seen.get(address) ?? new Set();
    this.#seen.set(address, seen);
    const name = remote * 65536 + port;
    if (!seen.has(name)) this.#words.push(remote, address, port, wordPort(data?.[0]));
    seen.add(name);
    return null;
  }

  keys(from: number, end: number): readonly (readonly number[])[] {
    return Array.from({ length: end - from }, (_, n) => {
      const [remote, address, port] = this.#at(from + n);
      return [remote, address, portWord(port)];
    });
  }

  *ports(): Generator<LearnedPort> {
    for (let n = 0; n < this.length; n++) {
      const [remote, address, localPort, port] = this.#at(n);
      yield { key: { remote, local: { address, port: localPort } }, port };
    }
  }

  #at(n: number): readonly [number, number, number, number] {
    const [remote = 0, address = 0, localPort = 0, port = 0] = this.#words
      .slice(n * WORDS, n * WORDS + WORDS);
    return [remote, address, localPort, port];
  }
}
