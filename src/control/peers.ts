import { type Address, formatAddress } from "../base/cidr.ts";
import type { PeerView } from "./admin.ts";

/** Kamailios are few; of more peers than these, those that were heard last are known. */
const MOST_PEERS = 32;
/** Anybody can be one; the last ones are known. */
const MOST_STRANGERS = 3;

/** What G says of an instance, as far as it holds until Kamailio asks again. */
export interface Told {
  /** Advertised addresses: what SDP says. */
  readonly internalIp: string;
  readonly externalIp: string;
  /** The addresses of this machine that carry them. */
  readonly internalLocal: string;
  readonly externalLocal: string;
  readonly startPort: number;
  readonly endPort: number;
}

/** What one peer has sent to one instance; times are monotonic milliseconds. */
export interface Peer {
  readonly instance: string;
  /** Null for a UNIX stream, which has no address. */
  readonly from: Address | null;
  readonly lastMs: number;
  /** When the last G came; null for never. */
  readonly configMs: number | null;
  /** What was said then, and since when it is the same; null if it has not asked. */
  readonly told: Told | null;
  readonly toldMs: number | null;
  /** When the last S came; null for never. */
  readonly openMs: number | null;
  /** The relay's addresses in the call that it opened last, since it has asked; empty before. */
  readonly opened: readonly string[];
  readonly open: number;
  readonly close: number;
}

type Known = { -readonly [Key in keyof Peer]: Peer[Key] };

/** Who sends commands: for each instance and address, when the last one came, and what there was. */
export class Peers {
  /** What G says of an instance now; null where it is not answered with that. */
  tells: (instance: string) => Told | null = () => null;
  readonly #peers = new Map<string, Known>();
  readonly #strangers = new Map<string, number>();

  /** Note a request of `from` that was received at `nowMs`. */
  note(instance: string, from: Address | null, { verb, nowMs }: {
    readonly verb: "P" | "G" | "S" | "D";
    readonly nowMs: number;
  }): void {
    const key = `${instance} ${from ? from.bytes.join() : "unix"}`;
    const peer = this.#peers.get(key) ?? {
      instance,
      from,
      lastMs: 0,
      configMs: null,
      told: null,
      toldMs: null,
      openMs: null,
      opened: [],
      open: 0,
      close: 0,
    };
    // The last one heard comes last, so that the first one is the one to forget.
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    peer.lastMs = nowMs;
    if (verb === "G") this.#noteAsked(peer, nowMs);
    if (verb === "S") {
      peer.open++;
      peer.openMs = nowMs;
    }
    if (verb === "D") peer.close++;
    if (this.#peers.size <= MOST_PEERS) return;
    const [oldest] = this.#peers.keys();
    if (oldest !== undefined) this.#peers.delete(oldest);
  }

  /** Note the relay's addresses in a call that has just been opened, by whoever sent the last S. */
  noteOpened(instance: string, addresses: readonly string[]): void {
    let opener: Known | null = null;
    for (const peer of this.#peers.values()) {
      if (peer.instance !== instance || peer.openMs === null) continue;
      if (opener === null || peer.openMs >= (opener.openMs ?? 0)) opener = peer;
    }
    if (opener) opener.opened = addresses;
  }

  /** Note a datagram of somebody who may not send commands. */
  noteStranger(from: Address, nowMs: number): void {
    const address = formatAddress(from);
    this.#strangers.delete(address);
    this.#strangers.set(address, nowMs);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > MOST_STRANGERS && oldest !== undefined) {
      this.#strangers.delete(oldest);
    }
  }

  /** Addresses that have sent datagrams since `sinceMs` and may not, while nobody has who may; the last one first. */
  strangersAlone(sinceMs: number): readonly string[] {
    if ([...this.#peers.values()].some(({ lastMs }) => lastMs >= sinceMs)) return [];
    return [...this.#strangers].filter(([, lastMs]) => lastMs >= sinceMs).map(([address]) =>
      address
    )
      .reverse();
  }

  /** Those of an instance; the last one heard comes first. */
  of(instance: string): readonly Peer[] {
    return [...this.#peers.values()].reverse().filter((peer) => peer.instance === instance);
  }

  #noteAsked(peer: Known, nowMs: number): void {
    peer.configMs = nowMs;
    const told = this.tells(peer.instance);
    if (told === null) return;
    peer.opened = [];
    if (JSON.stringify(told) === JSON.stringify(peer.told)) return;
    peer.told = told;
    peer.toldMs = nowMs;
  }

  /** What is known at `nowMs`, which is `epochMs` since 1970; the last one heard comes first. */
  view(nowMs: number, epochMs = Date.now()): readonly PeerView[] {
    const since = (ms: number): number => Math.max(0, Math.round((nowMs - ms) / 1000));
    return [...this.#peers.values()].reverse().map((peer) => ({
      instance: peer.instance,
      address: peer.from ? formatAddress(peer.from) : "unix",
      lastSeconds: since(peer.lastMs),
      configSeconds: peer.configMs === null ? null : since(peer.configMs),
      told: peer.told && {
        internal: peer.told.internalIp,
        external: peer.told.externalIp,
        sinceMs: Math.round(epochMs - nowMs + (peer.toldMs ?? nowMs)),
      },
      open: peer.open,
      close: peer.close,
    }));
  }
}
