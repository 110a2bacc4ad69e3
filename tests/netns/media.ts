import type { Namespace } from "../../src/netns/namespaces.ts";

/** How a packet says what it is. */
export interface Mark {
  readonly sequence: number;
  readonly ssrc: number;
}

/** A packet that came in. */
export interface Heard extends Mark {
  /** `address:port` of its sender. */
  readonly from: string;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** RTP (PCMU, 160 bytes of payload) or an RTCP sender report. */
export type Kind = "rtp" | "rtcp";

const RTP_INTERVAL_MS = 20;
const RTCP_INTERVAL_MS = 100;

/** Build a packet of 172 or 28 bytes. */
export function packet(kind: Kind, { sequence, ssrc }: Mark): Uint8Array {
  const bytes = new Uint8Array(kind === "rtp" ? 172 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 0x80);
  if (kind === "rtp") {
    view.setUint16(2, sequence & 0xffff);
    view.setUint32(4, sequence * 160);
    view.setUint32(8, ssrc);
  } else {
    view.setUint8(1, 200);
    view.setUint16(2, 6);
    view.setUint32(4, ssrc);
    view.setUint32(20, sequence);
  }
  return bytes;
}

function readMark(bytes: Uint8Array): Mark {
  if (bytes.length < 12) return { sequence: -1, ssrc: -1 };
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint8(1) === 200 && bytes.length >= 24
    ? { sequence: view.getUint32(20), ssrc: view.getUint32(4) }
    : { sequence: view.getUint16(2), ssrc: view.getUint32(8) };
}

/** One UDP socket of a party, and everything that it has heard. */
export class MediaSocket implements AsyncDisposable {
  readonly heard: Heard[] = [];
  /** `address:port` that it is bound to. */
  readonly at: string;
  readonly #socket: Deno.DatagramConn;
  readonly #done: Promise<void>;
  readonly #streams = new Set<Stream>();
  #closed = false;

  /** Bind it; port 0 takes any. */
  constructor(place: Namespace, address: string, port = 0) {
    this.#socket = place.run(() =>
      Deno.listenDatagram({ transport: "udp", hostname: address, port })
    );
    const bound = this.#socket.addr as Deno.NetAddr;
    this.at = `${bound.hostname}:${bound.port}`;
    this.#done = this.#receive();
  }

  get port(): number {
    return Number(this.at.split(":")[1]);
  }

  /** Send one packet to `address:port`. */
  send(bytes: Uint8Array, to: string): void {
    const [hostname = "", port] = to.split(":");
    this.#socket.send(bytes, { transport: "udp", hostname, port: Number(port) }).catch((error) => {
      if (!this.#closed) throw error;
    });
  }

  /** Send packets at an even pace until the stream is stopped. */
  stream(kind: Kind, to: string, everyMs?: number): Stream {
    const stream = new Stream(this, { kind, to, ...everyMs && { everyMs } });
    this.#streams.add(stream);
    return stream;
  }

  /** Who was heard, each once. */
  sources(): readonly string[] {
    return [...new Set(this.heard.map(({ from }) => from))];
  }

  /** What was heard of a stream. */
  of(stream: Stream): readonly Heard[] {
    return this.heard.filter(({ ssrc }) => ssrc === stream.ssrc);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) stream.stop();
    this.#closed = true;
    this.#socket.close();
    await this.#done;
  }

  async #receive(): Promise<void> {
    for await (const [bytes, peer] of this.#socket) {
      const { hostname, port } = peer as Deno.NetAddr;
      const from = `${hostname}:${port}`;
      this.heard.push({ ...readMark(bytes), from, atMs: performance.now(), bytes });
    }
  }
}

let streams = 0;

/** Packets with increasing sequence numbers and an SSRC of their own. */
export class Stream {
  readonly ssrc = 0x10000000 + ++streams;
  /** When each packet was sent, by sequence number. */
  readonly sentMs: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    socket: MediaSocket,
    { kind, to, everyMs }: { readonly kind: Kind; readonly to: string; readonly everyMs?: number },
  ) {
    const period = everyMs ?? (kind === "rtp" ? RTP_INTERVAL_MS : RTCP_INTERVAL_MS);
    const send = (): void => {
      socket.send(packet(kind, { sequence: this.sent, ssrc: this.ssrc }), to);
      this.sentMs.push(performance.now());
    };
    send();
    this.#timer = setInterval(send, period);
  }

  /** How many packets were sent, which is the next one's sequence number. */
  get sent(): number {
    return this.sentMs.length;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The source ports of a party that speaks through a NAT. */
export interface Ports {
  readonly rtp: number;
  readonly rtcp: number;
}

/** One end of a call: an RTP and an RTCP socket. */
export class Party implements AsyncDisposable {
  readonly rtp: MediaSocket;
  readonly rtcp: MediaSocket;

  constructor(place: Namespace, address: string, ports: number | Ports) {
    const { rtp, rtcp } = typeof ports === "number" ? { rtp: ports, rtcp: ports + 1 } : ports;
    this.rtp = new MediaSocket(place, address, rtp);
    this.rtcp = new MediaSocket(place, address, rtcp);
  }

  /** Send RTP to the relay socket `to`, and RTCP to the port above. */
  talk(to: string): Talk {
    const [address, port] = to.split(":");
    const rtp = this.rtp.stream("rtp", to);
    const rtcp = this.rtcp.stream("rtcp", `${address}:${Number(port) + 1}`);
    return {
      rtp,
      rtcp,
      stop: () => {
        rtp.stop();
        rtcp.stop();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rtp[Symbol.asyncDispose]();
    await this.rtcp[Symbol.asyncDispose]();
  }
}

/** Both streams of a party. */
export interface Talk {
  readonly rtp: Stream;
  readonly rtcp: Stream;
  stop(): void;
}
