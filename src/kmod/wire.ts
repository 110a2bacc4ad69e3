/**
 * The records of kmod/uapi/lrkproxy.h. tests/golden/wire_layout.txt and tests/golden/wire/ hold this
 * file to what C says.
 */
import type { FastCount, FastFlow, FastState } from "../core/fast_path.ts";
import type { FlowKey } from "../core/session.ts";

/** Version of the interface. */
export const ABI_VERSION = 2;
export const REQUEST_BYTES = 72;
export const ANSWER_BYTES = 192;
/** Requests that the module takes at once. */
export const BATCH_MAX = 16384;

/** Types of requests. */
export const REQUEST = {
  hello: 1,
  add: 2,
  update: 3,
  delete: 4,
  dump: 6,
  flush: 7,
  stats: 8,
  count: 11,
} as const;

/** Types of answers. */
export const ANSWER = { error: 1, hello: 2, flow: 3, page: 5, stats: 6, counts: 8 } as const;

/** How many flows an {@link ANSWER.counts} tells of. */
export const COUNTED = 7;

/** Flags of a flow. */
export const FLOW_PASS_STRANGERS = 0x0020;

/** Why a write failed. */
export const REASON = {
  version: 7,
  exists: 8,
  unknown: 9,
  full: 10,
  memory: 11,
  cursor: 12,
} as const;

/** Reasons of packets' fates, in the order of `count` in struct lrk_stats_answer. */
const DROPS = { held: 2, notRtp: 4, packetRate: 5, byteRate: 6, memory: 7, neighbour: 8 } as const;
const LEFT = { options: 9, ttl: 10, form: 11, route: 12, mtu: 13, stranger: 14 } as const;
/** How many fates of packets are counted. */
export const COUNTS = 15;

/** Marks flows as this daemon's. */
const OWNER = 0x6c726b;

const HEADER = { type: 0, seq: 4 } as const;
/** Of struct lrk_flow_spec, in requests and answers alike. */
const SPEC = {
  remoteAddr: 8,
  localAddr: 12,
  localPort: 16,
  lockedPort: 20,
  flags: 22,
  sourceAddr: 24,
  destAddr: 28,
  sourcePort: 32,
  destPort: 34,
  owner: 64,
} as const;
const PLAIN = { cursor: 8, value: 24 } as const;
const COUNTS_OF = { found: 12, count: 16 } as const;
const COUNT = { packets: 0, bytes: 8, rtpExpected: 16, rtpReceived: 20, size: 24 } as const;
const ERROR = { index: 8, error: 12, reason: 16, offset: 20 } as const;
const HELLO = { version: 8, maxFlows: 12 } as const;
const PAGE = { cursor: 8 } as const;
const STATS = { count: 8, flows: 8 + COUNTS * 8 } as const;

/** The offsets that this file goes by, named as in C, for the test that compares them. */
export const LAYOUT = {
  "lrk_header.type": HEADER.type,
  "lrk_header.seq": HEADER.seq,
  "lrk_flow_request.flow.key.remote_addr": SPEC.remoteAddr,
  "lrk_flow_request.flow.key.local_addr": SPEC.localAddr,
  "lrk_flow_request.flow.key.local_port": SPEC.localPort,
  "lrk_flow_request.flow.locked_port": SPEC.lockedPort,
  "lrk_flow_request.flow.flags": SPEC.flags,
  "lrk_flow_request.flow.source_addr": SPEC.sourceAddr,
  "lrk_flow_request.flow.dest_addr": SPEC.destAddr,
  "lrk_flow_request.flow.source_port": SPEC.sourcePort,
  "lrk_flow_request.flow.dest_port": SPEC.destPort,
  "lrk_flow_request.flow.owner": SPEC.owner,
  "lrk_plain_request.cursor": PLAIN.cursor,
  "lrk_plain_request.value": PLAIN.value,
  "lrk_count.packets": COUNT.packets,
  "lrk_count.bytes": COUNT.bytes,
  "lrk_count.rtp_expected": COUNT.rtpExpected,
  "lrk_count.rtp_received": COUNT.rtpReceived,
  "lrk_counts_answer.found": COUNTS_OF.found,
  "lrk_counts_answer.count": COUNTS_OF.count,
  "lrk_error_answer.index": ERROR.index,
  "lrk_error_answer.error": ERROR.error,
  "lrk_error_answer.reason": ERROR.reason,
  "lrk_hello_answer.version": HELLO.version,
  "lrk_hello_answer.max_flows": HELLO.maxFlows,
  "lrk_page_answer.cursor": PAGE.cursor,
  "lrk_stats_answer.count": STATS.count,
  "lrk_stats_answer.flows": STATS.flows,
} as const;

/** Numbers are in the machine's order, which is little-endian on all that the module supports. */
const LITTLE = true;

/** Records to be written to the device, in one buffer. */
export class Requests {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #count = 0;

  /** `room`: how many records there may be at most. */
  constructor(room: number) {
    this.#bytes = new Uint8Array(room * REQUEST_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** What is to be written. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#count * REQUEST_BYTES);
  }

  /** Forget all records. */
  clear(): this {
    this.#count = 0;
    return this;
  }

  /** A request without a flow. */
  plain(
    type: number,
    { value = 0, cursor = 0n }: { readonly value?: number; readonly cursor?: bigint } = {},
  ): this {
    const at = this.#next(type);
    this.#view.setBigUint64(at + PLAIN.cursor, cursor, LITTLE);
    this.#view.setUint32(at + PLAIN.value, value, LITTLE);
    return this;
  }

  /** A request about a flow that is known by its key alone. */
  key(type: number, key: FlowKey): this {
    this.#key(this.#next(type), key);
    return this;
  }

  /** A request to carry a flow. */
  flow(type: number, { key, port, source, destination }: FastFlow): this {
    const at = this.#next(type);
    const view = this.#view;
    this.#key(at, key);
    view.setUint16(at + SPEC.lockedPort, port);
    view.setUint16(at + SPEC.flags, FLOW_PASS_STRANGERS, LITTLE);
    view.setUint32(at + SPEC.sourceAddr, source.address);
    view.setUint32(at + SPEC.destAddr, destination.address);
    view.setUint16(at + SPEC.sourcePort, source.port);
    view.setUint16(at + SPEC.destPort, destination.port);
    view.setUint32(at + SPEC.owner, OWNER, LITTLE);
    return this;
  }

  #key(at: number, { remote, local }: FlowKey): void {
    const view = this.#view;
    view.setUint32(at + SPEC.remoteAddr, remote);
    view.setUint32(at + SPEC.localAddr, local.address);
    view.setUint16(at + SPEC.localPort, local.port);
  }

  /** Begin a record, of zeros but for its head; the answer is where it lies. */
  #next(type: number): number {
    const at = this.#count * REQUEST_BYTES;
    this.#bytes.fill(0, at, at + REQUEST_BYTES);
    this.#view.setUint16(at + HEADER.type, type, LITTLE);
    this.#view.setUint32(at + HEADER.seq, this.#count, LITTLE);
    this.#count++;
    return at;
  }
}

/** Why the module refused a write: which request, and a LRK_REASON of it. */
export interface Fault {
  readonly index: number;
  readonly error: number;
  readonly reason: number;
}

/** Records read from the device. */
export class Answers {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** How many records there are. */
  readonly count: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.count = Math.floor(bytes.byteLength / ANSWER_BYTES);
  }

  /** The same, in memory of its own. */
  copy(): Answers {
    return new Answers(this.#bytes.slice());
  }

  /** An {@link ANSWER}. */
  type(index: number): number {
    return this.#view.getUint16(index * ANSWER_BYTES + HEADER.type, LITTLE);
  }

  fault(index: number): Fault {
    const at = index * ANSWER_BYTES;
    return {
      index: this.#view.getUint32(at + ERROR.index, LITTLE),
      error: this.#view.getUint32(at + ERROR.error, LITTLE),
      reason: this.#view.getUint32(at + ERROR.reason, LITTLE),
    };
  }

  maxFlows(index: number): number {
    return this.#view.getUint32(index * ANSWER_BYTES + HELLO.maxFlows, LITTLE);
  }

  state(index: number, room: number): FastState {
    const count = (which: number): number =>
      this.#number(index * ANSWER_BYTES + STATS.count + which * 8);
    const named = (which: Readonly<Record<string, number>>): Record<string, number> =>
      Object.fromEntries(Object.entries(which).map(([name, n]) => [name, count(n)]));
    return {
      flows: this.#number(index * ANSWER_BYTES + STATS.flows),
      room,
      relayed: { packets: count(0), bytes: count(1) },
      dropped: named(DROPS),
      left: named(LEFT),
    };
  }

  /** What the `nth` counted or deleted flow had relayed, if only such were asked for; null if it was not there. */
  countOf(nth: number): FastCount | null {
    const view = this.#view;
    const place = nth % COUNTED;
    const answer = (nth - place) / COUNTED * ANSWER_BYTES;
    if (answer >= view.byteLength) return null;
    if ((view.getUint32(answer + COUNTS_OF.found, LITTLE) >> place & 1) === 0) return null;
    const at = answer + COUNTS_OF.count + place * COUNT.size;
    return {
      packets: this.#number(at + COUNT.packets),
      bytes: this.#number(at + COUNT.bytes),
      expected: view.getUint32(at + COUNT.rtpExpected, LITTLE),
      received: view.getUint32(at + COUNT.rtpReceived, LITTLE),
    };
  }

  flow(index: number): FastFlow {
    const at = index * ANSWER_BYTES;
    const view = this.#view;
    const endpoint = (address: number, port: number) => ({
      address: view.getUint32(at + address),
      port: view.getUint16(at + port),
    });
    return {
      key: {
        remote: view.getUint32(at + SPEC.remoteAddr),
        local: endpoint(SPEC.localAddr, SPEC.localPort),
      },
      port: view.getUint16(at + SPEC.lockedPort),
      source: endpoint(SPEC.sourceAddr, SPEC.sourcePort),
      destination: endpoint(SPEC.destAddr, SPEC.destPort),
    };
  }

  /** Where the next page of a dump begins; 0 after the last one. */
  cursor(index: number): bigint {
    return this.#view.getBigUint64(index * ANSWER_BYTES + PAGE.cursor, LITTLE);
  }

  /** A count of 64 bits; those of packets and bytes do not reach what a double cannot hold. */
  #number(at: number): number {
    return this.#view.getUint32(at, LITTLE) + this.#view.getUint32(at + 4, LITTLE) * 0x1_0000_0000;
  }
}
