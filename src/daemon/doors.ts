/**
 * Something that listens. Opened, it takes in; it answers only when it is started. Disposing of it
 * is what the end of the daemon does: somebody may keep its socket for the next one.
 */
export interface Door extends AsyncDisposable {
  /** The socket that is worth keeping for the next daemon; null if it is none. */
  readonly fd: number | null;
  start(): void;
  /** Close it for good; whoever has knocked is answered. */
  retire(): Promise<void>;
  /** Go by the settings in force, which have changed. */
  adapt(): void;
}

/** A door that ought to be there. */
export interface Wish {
  /** Doors of one key are the same door. */
  readonly key: string;
  open(): Door | Promise<Door>;
}

/** New doors that are open, beside the old ones. */
export interface PreparedDoors {
  /** Start the new ones, keep those that are still wished for, close the others; settles with that. */
  commit(): Promise<void>;
  /** Close the new ones. */
  abort(): Promise<void>;
}

/** The doors of a daemon. One that stays is not closed in between: nobody who knocks is lost. */
export class Doors implements AsyncDisposable {
  #open: ReadonlyMap<string, Door> = new Map();

  /** The sockets that are worth keeping for the next daemon. */
  get kept(): readonly number[] {
    return [...this.#open.values()].flatMap(({ fd }) => fd ?? []);
  }

  /** Open what is wished for and not there. Throws, with all as before, if one cannot be opened. */
  async prepare(wishes: readonly Wish[]): Promise<PreparedDoors> {
    await using opened = new AsyncDisposableStack();
    const fresh = new Map<string, Door>();
    for (const { key, open } of wishes) {
      if (!this.#open.has(key)) {
        fresh.set(
          key,
          opened.adopt(await openOr(key, open), (door) => door.retire()),
        );
      }
    }
    const owned = opened.move();
    return {
      commit: () => this.#replace(wishes.map(({ key }) => key), fresh),
      abort: () => owned.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const doors = [...this.#open.values()].reverse();
    this.#open = new Map();
    for (const door of doors) await door[Symbol.asyncDispose]();
  }

  async #replace(keys: readonly string[], fresh: ReadonlyMap<string, Door>): Promise<void> {
    const before = this.#open;
    const doors = keys.flatMap((key): readonly (readonly [string, Door])[] => {
      const door = before.get(key) ?? fresh.get(key);
      return door ? [[key, door]] : [];
    });
    this.#open = new Map(doors);
    for (const [key, door] of doors) {
      if (fresh.has(key)) door.start();
      else door.adapt();
    }
    const gone = [...before].filter(([key]) => !this.#open.has(key));
    await Promise.all(gone.map(([, door]) => door.retire()));
  }
}

async function openOr(key: string, open: Wish["open"]): Promise<Door> {
  try {
    return await open();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const said = reason.startsWith("Cannot ") ? reason : `Cannot listen on ${key}: ${reason}`;
    throw new Error(said, { cause });
  }
}
