import { AddressMissing } from "../control/address_missing.ts";

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
  /** Whether its address is on this machine now; a socket outlives the loss of it. */
  isReachable(): boolean;
}

/** A door that ought to be there. */
export interface Wish {
  /** Doors of one key are the same door. */
  readonly key: string;
  /** Whose door it is, for people: `instance "default"`. */
  readonly owner?: string;
  /** Throws {@link AddressMissing} when it has to wait for its address. */
  open(): Door | Promise<Door>;
}

/** New doors that are open, beside the old ones. */
export interface PreparedDoors {
  /** Start the new ones, keep those that are still wished for, close the others; settles with that. */
  commit(): Promise<void>;
  /** Close the new ones. */
  abort(): Promise<void>;
}

/** A door that is not open yet. */
interface Awaited {
  readonly wish: Wish;
  reason: string;
}

/**
 * The doors of a daemon. One that stays is not closed in between: nobody who knocks is lost. One
 * whose address is not there yet waits for it, while the others are served.
 */
export class Doors implements AsyncDisposable {
  #open: ReadonlyMap<string, Door> = new Map();
  #owners: ReadonlyMap<string, string | undefined> = new Map();
  #awaited: ReadonlyMap<string, Awaited> = new Map();
  /** Settles when nobody opens anything. */
  #busy: Promise<void> = Promise.resolve();

  /** The sockets that are worth keeping for the next daemon. */
  get kept(): readonly number[] {
    return [...this.#open.values()].flatMap(({ fd }) => fd ?? []);
  }

  /** What is not served, and why. */
  warnings(): readonly string[] {
    const gone = [...this.#open].filter(([, door]) => !door.isReachable())
      .map(([key]) =>
        notServed(key, this.#owners.get(key), "no interface has its address any more")
      );
    const awaited = [...this.#awaited].map(([key, { wish, reason }]) =>
      notServed(key, wish.owner, reason)
    );
    return [...awaited, ...gone];
  }

  /**
   * Open what is wished for and not there. Throws, with all as before, if one cannot be opened for
   * another reason than that its address is missing.
   */
  async prepare(wishes: readonly Wish[]): Promise<PreparedDoors> {
    await using opened = new AsyncDisposableStack();
    const endTurn = await this.#takeTurn();
    opened.defer(endTurn);
    const fresh = new Map<string, Door>();
    const awaited = new Map<string, Awaited>();
    for (const wish of wishes.filter(({ key }) => !this.#open.has(key))) {
      const door = await openOr(wish);
      if (door instanceof AddressMissing) awaited.set(wish.key, { wish, reason: door.message });
      else fresh.set(wish.key, opened.adopt(door, (each) => each.retire()));
    }
    const owned = opened.move();
    return {
      commit: async () => {
        this.#awaited = awaited;
        this.#owners = new Map(wishes.map(({ key, owner }) => [key, owner]));
        endTurn();
        await this.#replace(wishes.map(({ key }) => key), fresh);
      },
      abort: () => owned.disposeAsync(),
    };
  }

  /** Open those whose address has come; whether there was one. What fails otherwise is tried again. */
  async look(): Promise<boolean> {
    if (this.#awaited.size === 0) return false;
    const endTurn = await this.#takeTurn();
    try {
      return await this.#openAwaited();
    } finally {
      endTurn();
    }
  }

  /** Wait until whoever came before has done with opening; the answer ends one's own turn. */
  async #takeTurn(): Promise<() => void> {
    const before = this.#busy;
    const turn = Promise.withResolvers<void>();
    this.#busy = turn.promise;
    await before;
    return turn.resolve;
  }

  async #openAwaited(): Promise<boolean> {
    const before = this.#awaited.size;
    for (const [key, entry] of this.#awaited) {
      try {
        const door = await openOr(entry.wish);
        if (door instanceof AddressMissing) {
          entry.reason = door.message;
          continue;
        }
        this.#awaited = new Map([...this.#awaited].filter(([each]) => each !== key));
        this.#open = new Map([...this.#open, [key, door]]);
        door.start();
      } catch (error) {
        entry.reason = error instanceof Error ? error.message : String(error);
      }
    }
    return this.#awaited.size < before;
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

/** Open a door, or say that its address is missing. Throws with its name for anything else. */
async function openOr({ key, owner, open }: Wish): Promise<Door | AddressMissing> {
  try {
    return await open();
  } catch (cause) {
    if (cause instanceof AddressMissing) return cause;
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      return new AddressMissing("no interface has the address", { cause });
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const whose = owner === undefined ? "" : ` of ${owner}`;
    const said = reason.startsWith("Cannot listen on ")
      ? reason
      : `Cannot listen on ${key}${whose}: ${reason}`;
    throw new Error(said, { cause });
  }
}

function notServed(key: string, owner: string | undefined, reason: string): string {
  const whose = owner === undefined ? "" : ` of ${owner}`;
  return reason.startsWith("Cannot listen on ")
    ? reason
    : `${key}${whose} is not served: ${reason}; it is as soon as that changes`;
}
