import { type Address, parseAddress } from "../base/cidr.ts";
import type { Inbox } from "./inbox.ts";
import { sockaddrAddress } from "./sockaddr.ts";
import {
  DATAGRAM_BYTES,
  DatagramReader,
  raiseReceiveBuffer,
  sendDatagram,
  udpSockets,
} from "./udp_socket.ts";

/** Datagrams taken before anything else gets its turn. */
const DRAIN_AT_ONCE = 256;

/** So many requests in so short a time are a rush: then it pays to let them gather. */
const RUSH_REQUESTS = 40;
const RUSH_WINDOW_MS = 10;
const RUSH_WAIT_MS = 1;

/** A UDP control socket. */
export interface UdpOptions {
  readonly instance: string;
  readonly hostname: string;
  readonly port: number;
  readonly receiveBufferBytes: number;
  /** Whether an address may send commands. */
  readonly allows: (address: Address) => boolean;
  /** Told of every datagram from somebody who may not. */
  readonly onStranger: (address: Address) => void;
}

/** An open control socket. */
export interface UdpServer extends AsyncDisposable {
  /** The receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number;
}

/** Answer requests on a UDP socket until it is closed. */
export function serveUdp(inbox: Inbox, options: UdpOptions): UdpServer {
  const { instance, hostname, port } = options;
  const others = udpSockets(port);
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port });
  const fd = udpSockets(port).find((each) => !others.includes(each));
  if (fd === undefined) throw new Error(`Cannot find the socket just opened on port ${port}`);
  const take = (
    bytes: Uint8Array,
    from: Address,
    send: (reply: Uint8Array<ArrayBuffer>) => void,
  ): void => {
    if (options.allows(from)) {
      const answer = (reply: Uint8Array<ArrayBuffer> | null): void => void (reply && send(reply));
      return inbox.take({ instance, bytes, framing: "cookie", answer });
    }
    inbox.counts.stranger++;
    options.onStranger(from);
  };
  const reader = new DatagramReader(fd);
  const drain = (): number =>
    reader.drain(DRAIN_AT_ONCE, (bytes, peer) => {
      take(bytes, sockaddrAddress(peer), (reply) => sendDatagram(fd, reply, peer));
    });
  const rush = new Rush();
  const done = receiveAll(socket, async (bytes, peer) => {
    if (rush.isOn()) await new Promise((resolve) => setTimeout(resolve, RUSH_WAIT_MS));
    const from = parseAddress(peer.hostname);
    // A peer that went away meanwhile is no fault of ours.
    if (from.ok) take(bytes, from.value, (reply) => void socket.send(reply, peer).catch(() => {}));
    rush.note(1 + drain());
  });
  return {
    receiveBufferBytes: raiseReceiveBuffer(fd, options.receiveBufferBytes),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await done;
    },
  };
}

/** Knows whether requests come in faster than they are worth a turn of the event loop each. */
class Rush {
  #startMs = 0;
  #requests = 0;
  #isOn = false;

  isOn(): boolean {
    return this.#isOn && performance.now() - this.#startMs < 2 * RUSH_WINDOW_MS;
  }

  /** Count requests taken. */
  note(requests: number): void {
    this.#requests += requests;
    const nowMs = performance.now();
    if (nowMs - this.#startMs < RUSH_WINDOW_MS) return;
    this.#isOn = this.#requests >= RUSH_REQUESTS && nowMs - this.#startMs < 2 * RUSH_WINDOW_MS;
    this.#startMs = nowMs;
    this.#requests = 0;
  }
}

async function receiveAll(
  socket: Deno.DatagramConn,
  take: (bytes: Uint8Array, peer: Deno.NetAddr) => Promise<void>,
): Promise<void> {
  // Without a buffer of ours each datagram would cost one of 64 KiB.
  const buffer = new Uint8Array(DATAGRAM_BYTES);
  for (;;) {
    try {
      const [bytes, peer] = await socket.receive(buffer);
      if (peer.transport === "udp") await take(bytes.slice(), peer);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      // Linux reports here that an earlier answer met a closed port.
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}
