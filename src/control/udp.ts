import { type Address, parseAddress } from "../base/cidr.ts";
import { libc } from "../base/libc.ts";
import type { Inbox } from "./inbox.ts";
import { socketName } from "./descriptors.ts";
import { Inheritance } from "./inheritance.ts";
import { sockaddrAddress, sockaddrOf } from "./sockaddr.ts";
import {
  DATAGRAM_BYTES,
  DatagramReader,
  duplicate,
  raiseReceiveBuffer,
  sendDatagram,
  shareAddress,
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
  /** Sockets of the daemon before this one. */
  readonly inheritance?: Inheritance;
}

/** An open control socket. */
export interface UdpServer extends AsyncDisposable {
  /** The receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number;
  /** The descriptor of the socket. */
  readonly fd: number;
}

/** Answer requests on a UDP socket until it is closed. */
export function serveUdp(inbox: Inbox, options: UdpOptions): UdpServer {
  const { instance, inheritance = new Inheritance() } = options;
  const { socket, fd, predecessors } = openSocket(options, inheritance);
  // Answers have a descriptor of their own, which is good until the last one is sent.
  const answering = duplicate(fd);
  const take = (
    bytes: Uint8Array,
    from: Address,
    { peer, receivedMs }: {
      readonly peer: Uint8Array<ArrayBuffer>;
      readonly receivedMs: number;
    },
  ): void => {
    if (options.allows(from)) {
      const answer = (reply: Uint8Array<ArrayBuffer> | null): void =>
        void (reply && sendDatagram(answering, reply, peer));
      return inbox.take({ instance, bytes, framing: "cookie", receivedMs, answer });
    }
    inbox.counts.stranger++;
    options.onStranger(from);
  };
  const drain = (reader: DatagramReader): number =>
    reader.drain(DRAIN_AT_ONCE, (bytes, peer) => {
      take(bytes, sockaddrAddress(peer), { peer, receivedMs: performance.now() });
    });
  const inherited = inheritance.passOn(predecessors, (each) => {
    const waiting = new DatagramReader(each);
    while (drain(waiting) === DRAIN_AT_ONCE);
  });
  const reader = new DatagramReader(fd);
  const rush = new Rush();
  const done = receiveAll(socket, async (bytes, peer) => {
    const receivedMs = performance.now();
    if (rush.isOn()) await new Promise((resolve) => setTimeout(resolve, RUSH_WAIT_MS));
    const from = parseAddress(peer.hostname);
    if (from.ok) {
      take(bytes, from.value, { peer: sockaddrOf(from.value, peer.port), receivedMs });
    }
    rush.note(1 + drain(reader));
  });
  return {
    fd,
    receiveBufferBytes: raiseReceiveBuffer(fd, options.receiveBufferBytes),
    [Symbol.asyncDispose]: async () => {
      await inherited[Symbol.asyncDispose]();
      socket.close();
      // What was read is answered; what was not waits for the next daemon, if the socket is kept.
      await done;
      await inbox.settled();
      libc().close(answering);
    },
  };
}

interface OpenSocket {
  readonly socket: Deno.DatagramConn;
  readonly fd: number;
  /** Inherited sockets of the very same address. */
  readonly predecessors: readonly number[];
}

/**
 * Open the socket, beside those that hold its address already: of several the youngest gets what
 * arrives. They share the address no longer than that takes, lest somebody else joins them.
 */
function openSocket({ hostname, port }: UdpOptions, inheritance: Inheritance): OpenSocket {
  const predecessors = inheritance.udp(port);
  const others = udpSockets(port);
  for (const each of predecessors) shareAddress(each, true);
  const reuseAddress = predecessors.length > 0;
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress });
  const fd = udpSockets(port).find((each) => !others.includes(each));
  if (fd === undefined) throw new Error(`Cannot find the socket just opened on port ${port}`);
  for (const each of [fd, ...predecessors]) shareAddress(each, false);
  const name = socketName(fd).join();
  return {
    socket,
    fd,
    predecessors: predecessors.filter((each) => socketName(each).join() === name),
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
