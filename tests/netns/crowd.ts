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

/** 200 calls with RTP and RTCP both ways, in processes of their own: 20,800 packets a second. */
export class Crowd implements AsyncDisposable {
  readonly #place: CrowdPlace;
  readonly #caller: RtpPeer;
  readonly #callee: RtpPeer;

  constructor(place: CrowdPlace) {
    this.#place = place;
    this.#caller = new RtpPeer(place.net.caller, "caller");
    this.#callee = new RtpPeer(place.net.callee, "callee");
  }

  /** Open all calls and wait until both sides' real ports are locked. */
  async establish(): Promise<void> {
    const { net, kamailio } = this.#place;
    this.#caller.tell(CROWD.map((call, n) => `open ${call.id} ${spaced(realSource(call, n))}`));
    this.#callee.tell(CROWD.map((call) => `open ${call.id} ${spaced(call.dnat)}`));
    for (const side of [net.caller, net.callee]) {
      await until("all sockets are open", async () => {
        return (await runIn(side, "cat", "/proc/net/udp")).split("\n").length > 2 * CROWD.length;
      });
    }
    await kamailio.openAll(CROWD);
    // What a callee sends before its caller's NAT is known would miss it, with any relay.
    this.#caller.tell(CROWD.map((call) => `start ${call.id} ${spaced(call.snat)}`));
    await until("the callers are locked", () => this.#hasLegs(2 * CROWD.length));
    this.#callee.tell(CROWD.map((call) => `start ${call.id} ${spaced(call.dst)}`));
    await until("everybody is locked", () => this.#hasLegs(4 * CROWD.length));
  }

  /** Wait until the kernel has carried so many more packets. */
  async untilTraffic(packets: number): Promise<void> {
    const before = await this.#packetsCarried();
    await until(`${packets} packets are relayed`, async () => {
      return await this.#packetsCarried() >= before + packets;
    });
  }

  /**
   * End all calls, and compare what each side has sent with what the other has heard: how many
   * packets were sent, and how many of them were lost. Fails if one was doubled or came from elsewhere.
   */
  async hangUp(): Promise<[number, number]> {
    const sides = [this.#caller, this.#callee];
    for (const side of sides) side.tell(CROWD.map(({ id }) => `stop ${id}`));
    let carried = 0;
    await until("nobody sends any more", async () => {
      const last = carried;
      return last === (carried = await this.#packetsCarried());
    });
    await this.#place.kamailio.closeAll(CROWD);
    for (const side of sides) side.tell(CROWD.map(({ id }) => `probe ${id}`));
    const [ofCaller, ofCallee] = await Promise.all([this.#caller.finish(), this.#callee.finish()]);
    let sent = 0;
    let lost = 0;
    for (const { id } of CROWD) {
      const [one, other] = [ofCaller.get(id), ofCallee.get(id)];
      assert(one && other);
      for (const [from, to] of [[one, other], [other, one]] as const) {
        const way = compare(from, to);
        sent += way.sent;
        lost += way.lost;
      }
    }
    return [sent, lost];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caller[Symbol.asyncDispose]();
    await this.#callee[Symbol.asyncDispose]();
  }

  async #hasLegs(count: number): Promise<boolean> {
    return (await this.#place.table()).get("legs")?.length === count;
  }

  async #packetsCarried(): Promise<number> {
    const table = await this.#place.table();
    return ["legs", "open"].flatMap((set) => table.get(set) ?? [])
      .reduce((sum, { packets }) => sum + packets, 0);
  }
}

function compare(from: CallReport, to: CallReport): { sent: number; lost: number } {
  const streams = [[from.rtp, to.rtp], [from.rtcp, to.rtcp]] as const;
  for (const [{ sendErrors }, heard] of streams) {
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
  }
  const sent = from.rtp.sent + from.rtcp.sent;
  return { sent, lost: sent - to.rtp.unique - to.rtcp.unique };
}

function spaced(endpoint: string): string {
  return endpoint.replace(":", " ");
}
