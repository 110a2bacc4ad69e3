import { strict as assert } from "node:assert";
import type { RelayNetwork } from "../../src/netns/namespaces.ts";
import { type Call, type Kamailio, numberedCall } from "./kamailio.ts";
import { type KernelTable, runIn } from "./kernel.ts";
import { type CallReport, RtpPeer } from "./peers.ts";
import { until } from "./until.ts";

/** The calls of a {@link Crowd}. */
export const CROWD: readonly Call[] = Array.from({ length: 200 }, (_, n) => numberedCall(n));

/** Every second caller sits behind a NAT that shows other ports than SDP. */
export function realSource({ src }: Call, n: number): string {
  return n % 2 === 0 ? src : `10.10.1.10:${40000 + 2 * n}`;
}

/** Where a crowd talks. */
export interface CrowdPlace {
  readonly net: RelayNetwork;
  readonly kamailio: Kamailio;
  /** What the kernel relays. */
  table(): Promise<KernelTable>;
}

/** How a {@link Crowd} may differ. */
export interface CrowdOptions {
  readonly calls?: readonly Call[];
  /** Between two RTP packets of a stream. */
  readonly intervalMs?: number;
  /** How long anything may take. */
  readonly patienceMs?: number;
  /** Packets that were relayed so far, whichever way; what nftables has counted, if not given. */
  readonly carried?: () => number | Promise<number>;
}

/** What a {@link Crowd} has seen. */
export interface CrowdTotal {
  readonly sent: number;
  readonly lost: number;
  /** What the worst stream has lost. */
  readonly worst: number;
}

/** Calls with RTP and RTCP both ways, in processes of their own; 200 make 20,800 packets a second. */
export class Crowd implements AsyncDisposable {
  readonly #place: CrowdPlace;
  readonly #caller: RtpPeer;
  readonly #callee: RtpPeer;
  readonly #calls: readonly Call[];
  readonly #patienceMs: number;
  readonly #intervalMs: number;
  readonly #carried: () => number | Promise<number>;

  constructor(place: CrowdPlace, options: CrowdOptions = {}) {
    const { calls = CROWD, intervalMs = 20, patienceMs = 5000 } = options;
    this.#place = place;
    this.#calls = calls;
    this.#patienceMs = patienceMs;
    this.#intervalMs = intervalMs;
    this.#carried = options.carried ?? (() => this.#packetsCounted());
    this.#caller = new RtpPeer(place.net.caller, "caller", intervalMs);
    this.#callee = new RtpPeer(place.net.callee, "callee", intervalMs);
  }

  /** Open all calls and wait until both sides' real ports are locked. */
  async establish(): Promise<void> {
    const { net, kamailio } = this.#place;
    const calls = this.#calls;
    this.#caller.tell(calls.map((call, n) => `open ${call.id} ${spaced(realSource(call, n))}`));
    this.#callee.tell(calls.map((call) => `open ${call.id} ${spaced(call.dnat)}`));
    for (const side of [net.caller, net.callee]) {
      await until("all sockets are open", async () => {
        return (await runIn(side, "cat", "/proc/net/udp")).split("\n").length > 2 * calls.length;
      }, this.#patienceMs);
    }
    await kamailio.openAll(calls);
    // What a callee sends before its caller's NAT is known would miss it, with any relay.
    this.#caller.tell(calls.map((call) => `start ${call.id} ${spaced(call.snat)}`));
    await until("the callers are locked", () => this.#hasLegs(2 * calls.length), this.#patienceMs);
    this.#callee.tell(calls.map((call) => `start ${call.id} ${spaced(call.dst)}`));
    await until("everybody is locked", () => this.#hasLegs(4 * calls.length), this.#patienceMs);
  }

  /** Wait until the kernel has carried so many more packets. */
  async untilTraffic(packets: number): Promise<void> {
    const before = await this.#carried();
    await until(`${packets} packets are relayed`, async () => {
      return await this.#carried() >= before + packets;
    }, this.#patienceMs);
  }

  /**
   * End all calls, and compare what each side has sent with what the other has heard. Fails if a
   * packet was doubled, came late or from elsewhere, or was relayed after the end of its call.
   */
  async hangUp(): Promise<CrowdTotal> {
    const sides = [this.#caller, this.#callee];
    for (const side of sides) side.tell(this.#calls.map(({ id }) => `stop ${id}`));
    await this.#untilSilent();
    await this.#place.kamailio.closeAll(this.#calls);
    for (const side of sides) side.tell(this.#calls.map(({ id }) => `probe ${id}`));
    const [ofCaller, ofCallee] = await Promise.all([this.#caller.finish(), this.#callee.finish()]);
    const streams = this.#calls.flatMap(({ id }) => {
      const [one, other] = [ofCaller.get(id), ofCallee.get(id)];
      assert(one && other);
      return [...compare(one, other), ...compare(other, one)];
    });
    return {
      sent: streams.reduce((sum, { sent }) => sum + sent, 0),
      lost: streams.reduce((sum, { lost }) => sum + lost, 0),
      worst: Math.max(...streams.map(({ lost }) => lost)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caller[Symbol.asyncDispose]();
    await this.#callee[Symbol.asyncDispose]();
  }

  async #untilSilent(): Promise<void> {
    let [carried, sinceMs] = [-1, 0];
    await until("nobody sends any more", async () => {
      const now = await this.#carried();
      if (now !== carried) [carried, sinceMs] = [now, performance.now()];
      return performance.now() - sinceMs > 5 * this.#intervalMs;
    }, this.#patienceMs);
  }

  async #hasLegs(count: number): Promise<boolean> {
    return (await this.#place.table()).get("legs")?.length === count;
  }

  async #packetsCounted(): Promise<number> {
    const table = await this.#place.table();
    return ["legs", "open"].flatMap((set) => table.get(set) ?? [])
      .reduce((sum, { packets }) => sum + packets, 0);
  }
}

function compare(from: CallReport, to: CallReport): readonly { sent: number; lost: number }[] {
  return ([[from.rtp, to.rtp], [from.rtcp, to.rtcp]] as const).map(
    ([{ sent, sendErrors }, heard]) => {
      const { duplicate, reordered, wrongSource, foreign, malformed, probes } = heard;
      assert.deepEqual(
        { sendErrors, duplicate, reordered, wrongSource, foreign, malformed, probes },
        {
          sendErrors: 0,
          duplicate: 0,
          reordered: 0,
          wrongSource: 0,
          foreign: 0,
          malformed: 0,
          probes: 0,
        },
        from.call,
      );
      return { sent, lost: sent - heard.unique };
    },
  );
}

function spaced(endpoint: string): string {
  return endpoint.replace(":", " ");
}
