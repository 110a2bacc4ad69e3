import { type Address, parseAddress } from "../base/cidr.ts";
import { libc } from "../base/libc.ts";
import type { Inbox } from "./inbox.ts";
import { socketName } from "./descriptors.ts";
import { Inheritance } from "./inheritance.ts";
import { sockaddrAddress, sockaddrOf } from "./sockaddr.ts";
import {
  DATAGRAM_BYTES,
  DatagramReader,
  deafen,
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
  /** Whose commands arrive here; asked for each of them. */
  readonly instance: string;
  readonly hostname: string;
  readonly port: number;
  readonly receiveBufferBytes: number;
  /** Whether an address may send commands. */
  readonly allows: (address: Address) => boolean;
  /** Told of every datagram from somebody who may not. */
  readonly onStranger: (address: Address) => void;
  /** Told of every datagram that is no request. */
  readonly onGarbage?: (address: Address) => void;
  /** Sockets of the daemon before this one. */
  readonly inheritance?: Inheritance;
  /** Whether somebody keeps the socket open for the next daemon, which then answers what waits. */
  readonly isKept?: boolean;
}

/** An open control socket. To dispose of it is to leave it to whoever keeps it, or to retire it. */
export interface UdpServer extends AsyncDisposable {
  /** A descriptor of the socket. */
  readonly fd: number;
  /** The receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number;
  /** Begin to answer; what has come until then has waited. */
  start(): void;
  /** Ask for another receive buffer; the answer is what the kernel granted. */
  resize(receiveBufferBytes: number): number;
  /** Close it for good; whoever has asked until now is answered. */
  retire(): Promise<void>;
}

/** Answer requests on a UDP socket until it is closed. */
export function serveUdp(inbox: Inbox, options: UdpOptions): UdpServer {
  const server = openUdp(inbox, options);
  server.start();
  return server;
}

/** Open a UDP socket to answer requests on. Throws if there can be none. */
export function openUdp(inbox: Inbox, options: UdpOptions): UdpServer {
  const { inheritance = new Inheritance() } = options;
  const { socket, fd, predecessors } = openSocket(options, inheritance);
  const take = takerOf(inbox, options, fd);
  const drain = (reader: DatagramReader): number =>
    reader.drain(DRAIN_AT_ONCE, (bytes, peer) => {
      take(bytes, sockaddrAddress(peer), { peer, receivedMs: performance.now() });
    });
  const drainAll = (each: number): void => {
    const waiting = new DatagramReader(each);
    while (drain(waiting) === DRAIN_AT_ONCE);
  };
  const reader = new DatagramReader(fd);
  const rush = new Rush();
  const receive = async (bytes: Uint8Array, peer: Deno.NetAddr): Promise<void> => {
    const receivedMs = performance.now();
    if (rush.isOn()) await new Promise((resolve) => setTimeout(resolve, RUSH_WAIT_MS));
    const from = parseAddress(peer.hostname);
    if (from.ok) {
      take(bytes, from.value, { peer: sockaddrOf(from.value, peer.port), receivedMs });
    }
    rush.note(1 + drain(reader));
  };
  let running: { readonly inherited: AsyncDisposable; readonly done: Promise<void> } | null = null;
  const close = async (isForGood: boolean): Promise<void> => {
    await running?.inherited[Symbol.asyncDispose]();
    if (isForGood) deafen(fd);
    socket.close();
    // What was read is answered; what was not waits for the next daemon, if the socket is kept.
    await running?.done;
    if (running && isForGood) drainAll(fd);
    await inbox.settled();
    libc().close(fd);
  };
  return {
    fd,
    receiveBufferBytes: raiseReceiveBuffer(fd, options.receiveBufferBytes),
    start() {
      const inherited = inheritance.passOn(predecessors, drainAll);
      running = { inherited, done: receiveAll(socket, receive) };
    },
    resize: (bytes) => raiseReceiveBuffer(fd, bytes),
    retire: () => close(true),
    [Symbol.asyncDispose]: () => close(!options.isKept),
  };
}

type Taker = (
  bytes: Uint8Array,
  from: Address,
  how: { readonly peer: Uint8Array<ArrayBuffer>; readonly receivedMs: number },
) => void;

function takerOf(inbox: Inbox, options: UdpOptions, fd: number): Taker {
  return (bytes, from, { peer, receivedMs }) => {
    if (!options.allows(from)) {
      inbox.counts.stranger++;
      return options.onStranger(from);
    }
    const answer = (reply: Uint8Array<ArrayBuffer> | null): void => {
      if (reply === null) options.onGarbage?.(from);
      else sendDatagram(fd, reply, peer);
    };
    const { instance } = options;
    inbox.take({ instance, bytes, framing: "cookie", from, receivedMs, answer });
  };
}

interface OpenSocket {
  readonly socket: Deno.DatagramConn;
  /** A descriptor of our own, which is good until the last answer is sent. */
  readonly fd: number;
  /** Inherited sockets of the very same address. */
  readonly predecessors: readonly number[];
}

function openSocket(options: UdpOptions, inheritance: Inheritance): OpenSocket {
  const { port } = options;
  const others = udpSockets(port);
  const socket = listen(options, others);
  const found = udpSockets(port).find((each) => !others.includes(each));
  if (found === undefined) throw new Error(`Cannot find the socket just opened on port ${port}`);
  const name = socketName(found).join();
  const predecessors = inheritance.udp(port).filter((each) => socketName(each).join() === name);
  return { socket, fd: duplicate(found), predecessors };
}

/**
 * Open the socket, also where sockets of our own, or of the daemon before, are in its way: of several
 * at one address the youngest gets what arrives. They share it no longer than that takes, lest
 * somebody else joins them.
 */
function listen({ hostname, port }: UdpOptions, others: readonly number[]): Deno.DatagramConn {
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || others.length === 0) throw error;
  }
  try {
    for (const fd of others) shareAddress(fd, true);
    return Deno.listenDatagram({ transport: "udp", hostname, port, reuseAddress: true });
  } finally {
    for (const fd of udpSockets(port)) shareAddress(fd, false);
  }
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
