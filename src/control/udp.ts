import type { Address } from "../base/cidr.ts";
import { libc } from "../base/libc.ts";
import { Datagrams, peerOf, type ReturnPath } from "./datagrams.ts";
import type { Inbox } from "./inbox.ts";
import { Inheritance } from "./inheritance.ts";
import { watchReadable } from "./readable.ts";
import { resolveUdp } from "./resolve.ts";
import { isWildcard, sockaddrAddress } from "./sockaddr.ts";
import {
  bindUdp,
  claimAddress,
  deafen,
  hasAddress,
  isDeaf,
  noteDestinations,
  raiseReceiveBuffer,
} from "./udp_socket.ts";

/** Datagrams taken before anything else gets its turn. */
const DRAIN_AT_ONCE = 256;

/** So many requests in so short a time are a rush: then it pays to let them gather. */
const RUSH_REQUESTS = 20;
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
  /** The socket. */
  readonly fd: number;
  /** The receive buffer that the kernel granted. */
  readonly receiveBufferBytes: number;
  /** Begin to answer; what has come until then has waited. */
  start(): void;
  /** The address that it is bound to; null for all. */
  readonly address: Address | null;
  /** Whether this machine has the address now: a socket outlives the loss of it. */
  isReachable(): boolean;
  /** Ask for another receive buffer; the answer is what the kernel granted. */
  resize(receiveBufferBytes: number): number;
  /** Close it for good; whoever has asked until now is answered. */
  retire(): Promise<void>;
}

/** Answer requests on a UDP socket until it is closed. */
export async function serveUdp(inbox: Inbox, options: UdpOptions): Promise<UdpServer> {
  const server = await openUdp(inbox, options);
  server.start();
  return server;
}

/**
 * Open a UDP socket to answer requests on. Throws if there can be none: AddressMissing if that may
 * change by itself.
 */
export async function openUdp(inbox: Inbox, options: UdpOptions): Promise<UdpServer> {
  const { inheritance = new Inheritance(), hostname, port } = options;
  const address = await resolveUdp(hostname, port);
  const { fd, leftovers } = openSocket(address, inheritance);
  const datagrams = new Datagrams(fd);
  const take = takerOf(inbox, options, datagrams);
  const drainAll = (each: number): void => {
    const waiting = new Datagrams(each);
    while (waiting.drain(DRAIN_AT_ONCE, take) === DRAIN_AT_ONCE);
  };
  const rush = new Rush();
  let isOpen = true;
  const drain = (): void => rush.note(datagrams.drain(DRAIN_AT_ONCE, take));
  const drainInRush = async (): Promise<void> => {
    while (isOpen && rush.isOn()) {
      await new Promise((resolve) => setTimeout(resolve, RUSH_WAIT_MS));
      if (isOpen) drain();
    }
  };
  const onReadable = (): void | Promise<void> => {
    drain();
    if (rush.isOn()) return drainInRush();
  };
  const running = new AsyncDisposableStack();
  let isStarted = false;
  const close = async (isForGood: boolean): Promise<void> => {
    isOpen = false;
    await running.disposeAsync();
    // Whoever keeps a socket that was never started may have it used again.
    if (isForGood && isStarted) {
      deafen(fd);
      drainAll(fd);
    }
    // What was read is answered; what was not waits for the next daemon, if the socket is kept.
    await inbox.settled();
    libc().close(fd);
  };
  return {
    fd,
    address: isWildcard(address) ? null : sockaddrAddress(address),
    receiveBufferBytes: raiseReceiveBuffer(fd, options.receiveBufferBytes),
    start() {
      isStarted = true;
      running.use(inheritance.passOn(leftovers, drainAll));
      running.use(watchReadable(fd, onReadable));
    },
    isReachable: () => hasAddress(address),
    resize: (bytes) => raiseReceiveBuffer(fd, bytes),
    retire: () => close(true),
    [Symbol.asyncDispose]: () => close(!options.isKept),
  };
}

type Taker = (bytes: Uint8Array, path: ReturnPath) => void;

function takerOf(inbox: Inbox, options: UdpOptions, datagrams: Datagrams): Taker {
  return (bytes, path) => {
    const receivedMs = performance.now();
    const from = sockaddrAddress(peerOf(path));
    if (!options.allows(from)) {
      inbox.counts.stranger++;
      return options.onStranger(from);
    }
    const answer = (reply: Uint8Array<ArrayBuffer> | null): void => {
      if (reply === null) options.onGarbage?.(from);
      else datagrams.answer(reply, path);
    };
    const { instance } = options;
    inbox.take({ instance, bytes, framing: "cookie", from, receivedMs, answer });
  };
}

interface OpenSocket {
  readonly fd: number;
  /** Further inherited sockets of the very same address. */
  readonly leftovers: readonly number[];
}

/** The inherited socket of an address, or a new one. */
function openSocket(address: Uint8Array<ArrayBuffer>, inheritance: Inheritance): OpenSocket {
  const inherited = inheritance.takeUdp(address);
  for (const each of inherited) noteDestinations(each, address);
  const usable = inherited.find((each) => !isDeaf(each));
  if (usable === undefined) return { fd: bindUdp(address), leftovers: inherited };
  claimAddress(usable);
  return { fd: usable, leftovers: inherited.filter((each) => each !== usable) };
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
