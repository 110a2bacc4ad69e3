/**
 * A map from a key to one value or several. Nearly every key has one, which lies in the map as it
 * is: a container for each would take more memory than what is in it.
 */
export class Multimap<K, V extends object> {
  readonly #values = new Map<K, V | V[]>();

  /** The values of a key in the order in which they were added. */
  get(key: K): readonly V[] {
    const found = this.#values.get(key);
    if (found === undefined) return NONE;
    return Array.isArray(found) ? found : [found];
  }

  /** Add a value that the key does not have. */
  add(key: K, value: V): void {
    const found = this.#values.get(key);
    if (found === undefined) this.#values.set(key, value);
    else if (Array.isArray(found)) found.push(value);
    else this.#values.set(key, [found, value]);
  }

  /** Remove a value of a key, if it is there. */
  delete(key: K, value: V): void {
    const found = this.#values.get(key);
    if (found === undefined) return;
    const left = Array.isArray(found)
      ? found.filter((each) => each !== value)
      : found === value
      ? []
      : [found];
    const [only] = left;
    if (only === undefined) this.#values.delete(key);
    else this.#values.set(key, left.length === 1 ? only : left);
  }
}

const NONE: readonly never[] = [];
