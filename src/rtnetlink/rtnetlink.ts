import { errorText } from "../base/libc.ts";
import type { Ipv4 } from "../base/ipv4.ts";
import { err, ok, type Result } from "../base/result.ts";
import type { Message } from "../netlink/decode.ts";
import { MessageWriter } from "../netlink/message.ts";
import { NETLINK_ROUTE, NLM_F_ACK, NLM_F_DUMP } from "../netlink/protocol.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import {
  type InterfaceAddress,
  type Link,
  neighbourState,
  parseAddress,
  parseLink,
  parseRoute,
  type Route,
} from "./answers.ts";
import * as rt from "./protocol.ts";

/** A dump that others change meanwhile is begun again so often. */
const DUMP_ATTEMPTS = 5;

/** Where packets would go: to an address, from one of this machine's own, or as if they came in by a link. */
export interface RouteQuestion {
  readonly to: Ipv4;
  readonly from: Ipv4;
  /** The index of the link that they come in by; without one they are this machine's own. */
  readonly iif?: number;
}

/** Asks the kernel for interfaces, addresses and routes. Each call ends before it returns. */
export class Rtnetlink implements Disposable {
  readonly #socket = new NetlinkSocket({
    protocol: NETLINK_ROUTE,
    familyHeaderBytes: 0,
    name: "rtnetlink",
  });
  readonly #out = new MessageWriter();

  /** The interfaces of this network namespace. */
  links(): readonly Link[] {
    return this.#dump(rt.RTM_GETLINK, new Uint8Array(16), parseLink);
  }

  /** Their IPv4 addresses. */
  addresses(): readonly InterfaceAddress[] {
    return this.#dump(rt.RTM_GETADDR, Uint8Array.of(rt.AF_INET, 0, 0, 0, 0, 0, 0, 0), parseAddress);
  }

  /** All that the route of a destination leads by, whichever way the next packet takes. */
  routeOf(question: RouteQuestion): Result<Route> {
    return this.#route(question, rt.RTM_F_FIB_MATCH);
  }

  /** The way of the next packet; the error is why the kernel would drop it. */
  wayOf(question: RouteQuestion): Result<Route> {
    return this.#route(question, rt.RTM_F_LOOKUP_TABLE);
  }

  /** Whether nobody answers for an address on a link, or has not yet: its packets are kept back, and then dropped. */
  isUnanswered(address: Ipv4, index: number): boolean {
    const head = new Uint8Array(12);
    head[0] = rt.AF_INET;
    new DataView(head.buffer).setInt32(4, index, true);
    let state = 0;
    this.#ask(rt.RTM_GETNEIGH, head, {
      attributes: (out) => out.words(rt.NDA_DST, [address]),
      take: (body) => state = neighbourState(body),
    });
    return (state & (rt.NUD_INCOMPLETE | rt.NUD_FAILED)) !== 0;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #route({ to, from, iif }: RouteQuestion, flags: number): Result<Route> {
    const head = new Uint8Array(12);
    head.set([rt.AF_INET, 32, 32]);
    new DataView(head.buffer).setUint32(8, flags, true);
    let route: Route = { nextHops: [], mtuBytes: null };
    const code = this.#ask(rt.RTM_GETROUTE, head, {
      attributes: (out) => {
        out.words(rt.RTA_DST, [to]);
        out.words(rt.RTA_SRC, [from]);
        if (iif !== undefined) out.raw(rt.RTA_IIF, new Uint8Array(Int32Array.of(iif).buffer));
      },
      take: (body) => route = parseRoute(body),
    });
    return code === 0 ? ok(route) : err(errorText(code));
  }

  /** Ask for one thing; the answer is 0 or the errno. */
  #ask(
    type: number,
    head: Uint8Array,
    { attributes, take }: {
      readonly attributes: (out: MessageWriter) => void;
      readonly take: (body: Uint8Array) => void;
    },
  ): number {
    const seq = this.#send(type, NLM_F_ACK, head, attributes);
    const errors = this.#socket.readAcks({ first: seq, last: seq }, ({ body }) => take(body));
    return errors.get(seq) ?? 0;
  }

  #dump<T>(type: number, head: Uint8Array, parse: (body: Uint8Array) => T | null): readonly T[] {
    let found: T[] = [];
    const take = ({ body }: Message): void => {
      const item = parse(body);
      if (item !== null) found.push(item);
    };
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      found = [];
      if (this.#socket.readDump(this.#send(type, NLM_F_DUMP, head, () => {}), take) === "whole") {
        break;
      }
    }
    return found;
  }

  #send(
    type: number,
    flags: number,
    head: Uint8Array,
    attributes: (out: MessageWriter) => void,
  ): number {
    const seq = this.#socket.nextSequence();
    this.#out.reset();
    this.#out.beginWith({ type, flags, seq }, head);
    attributes(this.#out);
    this.#out.end();
    this.#socket.send(this.#out);
    return seq;
  }
}
