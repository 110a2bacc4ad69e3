import { type Address, formatAddress } from "../base/cidr.ts";
import type { PeerView } from "./admin.ts";

/** Kamailios are few; of more peers than these, those that were heard last are known. */
const MOST_PEERS = 32;

/** What one peer has sent to one instance. */
interface Peer {
  readonly instance: string;
  /** Null for a UNIX stream, which has no address. */
  readonly from: Address | null;
  lastMs: number;
  configMs: number | null;
  open: number;
  close: number;
}

/** Who sends commands: for each instance and address, when the last one came, and what there was. */
export class Peers {
  readonly #peers = new Map<string, Peer>();

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
      open: 0,
      close: 0,
    };
    // The last one heard comes last, so that the first one is the one to forget.
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    peer.lastMs = nowMs;
    if (verb === "G") peer.configMs = nowMs;
    if (verb === "S") peer.open++;
    if (verb === "D") peer.close++;
    if (this.#peers.size <= MOST_PEERS) return;
    const [oldest] = this.#peers.keys();
    if (oldest !== undefined) this.#peers.delete(oldest);
  }

  /** What is known at `nowMs`; the last one heard comes first. */
  view(nowMs: number): readonly PeerView[] {
    const since = (ms: number): number => Math.max(0, Math.round((nowMs - ms) / 1000));
    return [...this.#peers.values()].reverse().map((peer) => ({
      instance: peer.instance,
      address: peer.from ? formatAddress(peer.from) : "unix",
      lastSeconds: since(peer.lastMs),
      configSeconds: peer.configMs === null ? null : since(peer.configMs),
      open: peer.open,
      close: peer.close,
    }));
  }
}
