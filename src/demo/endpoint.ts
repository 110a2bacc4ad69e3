import { pause } from "../base/loop.ts";
import type { Namespace } from "../netns/namespaces.ts";

/** 20 ms of G.711 and an RTP header (RFC 3550, 3551). */
const RTP_BYTES = 172;
const PACKET_MS = 20;
/** RTCP is sent far more often than every 5 s, so that a short demonstration shows it. */
const RTCP_EVERY = 10;
const PCMU = 0;
const SENDER_REPORT = 200;

/** What one socket has sent and heard. */
export interface Tally {
  sent: number;
  received: number;
  /** Where the packets came from, `address:port`. */
  readonly sources: Set<string>;
  /** Sum of the times that the received packets were under way, in milliseconds. */
  delayMs: number;
}

/** Where an endpoint is and where it sends to. */
export interface EndpointOptions {
  readonly address: string;
  /** Port of RTP; RTCP has the next one. */
  readonly port: number;
  readonly relay: { readonly hostname: string; readonly port: number };
}

/** A phone: sends RTP and RTCP to its relay socket and counts what comes back. */
export class DemoEndpoint implements AsyncDisposable {
  readonly rtp = newTally();
  readonly rtcp = newTally();
  readonly #sockets: readonly [Deno.DatagramConn, Deno.DatagramConn];
  readonly #relay: EndpointOptions["relay"];
  readonly #listening: Promise<unknown>;
  readonly #ssrc = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

  constructor(namespace: Namespace, { address, port, relay }: EndpointOptions) {
    const open = (at: number): Deno.DatagramConn =>
      namespace.run(() => Deno.listenDatagram({ transport: "udp", hostname: address, port: at }));
    this.#sockets = [open(port), open(port + 1)];
    this.#relay = relay;
    this.#listening = Promise.all([
      listen(this.#sockets[0], this.rtp),
      listen(this.#sockets[1], this.rtcp),
    ]);
  }

  /** Talk until the signal aborts. */
  async talk(signal: AbortSignal): Promise<void> {
    const start = performance.now();
    for (let n = 0; !signal.aborted; n++) {
      await this.send("rtp");
      if (n % RTCP_EVERY === 0) await this.send("rtcp");
      await pause(Math.max(0, start + (n + 1) * PACKET_MS - performance.now()), signal);
    }
  }

  /** Send one packet to the relay. */
  async send(kind: "rtp" | "rtcp"): Promise<void> {
    const index = kind === "rtp" ? 0 : 1;
    const { hostname, port } = this.#relay;
    const packet = kind === "rtp" ? rtpPacket(this.#ssrc, this.rtp.sent) : senderReport(this.#ssrc);
    await this.#sockets[index].send(packet, { transport: "udp", hostname, port: port + index });
    this[kind].sent++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close();
    await this.#listening;
  }
}

function newTally(): Tally {
  return { sent: 0, received: 0, sources: new Set(), delayMs: 0 };
}

async function listen(socket: Deno.DatagramConn, tally: Tally): Promise<void> {
  for await (const [bytes, from] of socket) {
    if (from.transport !== "udp") continue;
    tally.received++;
    tally.sources.add(`${from.hostname}:${from.port}`);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    tally.delayMs += performance.now() - view.getFloat64(bytes.length - 8);
  }
}

function rtpPacket(ssrc: number, sequence: number): Uint8Array {
  const packet = new Uint8Array(RTP_BYTES);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, PCMU);
  view.setUint16(2, sequence & 0xffff);
  view.setUint32(4, sequence * 160);
  view.setUint32(8, ssrc);
  view.setFloat64(RTP_BYTES - 8, performance.now());
  return packet;
}

/** A sender report without report blocks; its last eight bytes are our clock. */
function senderReport(ssrc: number): Uint8Array {
  const packet = new Uint8Array(28);
  const view = new DataView(packet.buffer);
  view.setUint8(0, 0x80);
  view.setUint8(1, SENDER_REPORT);
  view.setUint16(2, packet.length / 4 - 1);
  view.setUint32(4, ssrc);
  view.setFloat64(20, performance.now());
  return packet;
}
