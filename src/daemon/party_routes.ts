import type { Ipv4 } from "../base/ipv4.ts";
import type { Leg, Session } from "../core/session.ts";
import { isHeld } from "../core/session.ts";

/** The names of all interfaces that the route of an address leads by, for packets from one of ours. */
export type FindRoute = (way: { readonly to: Ipv4; readonly from: Ipv4 }) => readonly string[];

/** Most peers of an operator are few addresses; of more than so many, all is forgotten. */
const MOST_KNOWN = 65_536;

/**
 * The interfaces by which the parties of sessions are reached. What they send is taken to come in there: the
 * interface that holds a media address need not be the one that brings its packets.
 */
export class PartyRoutes {
  readonly #find: FindRoute;
  readonly #interfaces = new Set<string>();
  readonly #known = new Set<string>();

  constructor(find: FindRoute) {
    this.#find = find;
  }

  /** The interfaces that have been found. */
  get interfaces(): readonly string[] {
    return [...this.#interfaces];
  }

  /** Look at the parties of a session; the answer is whether an interface is new. */
  note({ a, b }: Session): boolean {
    const before = this.#interfaces.size;
    this.#noteLeg(a);
    this.#noteLeg(b);
    return this.#interfaces.size > before;
  }

  /** Routes have changed: nothing of what was found need be so any more. Found interfaces stay. */
  forgetRoutes(): void {
    this.#known.clear();
  }

  #noteLeg(leg: Leg): void {
    if (isHeld(leg)) return;
    const { remote: { address: to }, local: { address: from } } = leg;
    const way = `${to} ${from}`;
    if (this.#known.has(way)) return;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.add(way);
    for (const name of this.#find({ to, from })) this.#interfaces.add(name);
  }
}
