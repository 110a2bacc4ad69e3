import type { Clock } from "./clock.ts";
import { rateLimited } from "./log.ts";

/** How much is let through. */
export interface PeerLimits {
  /** Of each peer: `burst` at once, and as many again over `perSeconds`. */
  readonly perSeconds: number;
  readonly burst: number;
  /** Peers that are remembered; the one not heard of for longest is forgotten first. */
  readonly peers: number;
  /** Of all peers together, in a second: addresses are easily forged. */
  readonly allPerSecond: number;
}

/** What was held back: of this peer, and of peers that have been forgotten. */
export interface HeldBack {
  readonly suppressed: number | undefined;
  readonly suppressedOfOthers: number | undefined;
}

interface Peer {
  readonly limit: ReturnType<typeof rateLimited>;
  /** Events held back since the last that came through. */
  held: number;
}

/**
 * Like {@link rateLimited}, for each peer apart: a loud one does not hide the others, and many do not
 * fill the memory.
 */
export class PeerLimit {
  readonly #clock: Clock;
  readonly #limits: PeerLimits;
  /** Those heard of last are last. */
  readonly #peers = new Map<string, Peer>();
  readonly #all: ReturnType<typeof rateLimited>;
  #heldOfOthers = 0;

  constructor(clock: Clock, limits: PeerLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#all = rateLimited(clock, { perSeconds: 1, burst: limits.allPerSecond });
  }

  /** Let an event of a peer through, or count it. */
  take(name: string, event: (held: HeldBack) => void): void {
    const peer = this.#peerOf(name);
    let isThrough = false;
    peer.limit(() =>
      this.#all(() => {
        isThrough = true;
      })
    );
    if (!isThrough) return void peer.held++;
    const suppressed = peer.held || undefined;
    const suppressedOfOthers = this.#heldOfOthers || undefined;
    peer.held = this.#heldOfOthers = 0;
    event({ suppressed, suppressedOfOthers });
  }

  #peerOf(name: string): Peer {
    const known = this.#peers.get(name);
    this.#peers.delete(name);
    const peer = known ?? { limit: rateLimited(this.#clock, this.#limits), held: 0 };
    this.#peers.set(name, peer);
    const [oldest] = this.#peers;
    if (oldest && this.#peers.size > this.#limits.peers) this.#forget(...oldest);
    return peer;
  }

  #forget(name: string, { held }: Peer): void {
    this.#peers.delete(name);
    this.#heldOfOthers += held;
  }
}
