import { type Address, parseAddress } from "../base/cidr.ts";
import type { Inbox } from "./inbox.ts";
import { sockaddrAddress } from "./sockaddr.ts";
import { DatagramReader, raiseReceiveBuffer, sendDatagram, udpSockets } from "./udp_socket.ts";

/** Datagrams taken before anything else gets its turn. */
const DRAIN_AT_ONCE = 128;

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
  const drain = (): void =>
    reader.drain(DRAIN_AT_ONCE, (bytes, peer) => {
      take(bytes, sockaddrAddress(peer), (reply) => sendDatagram(fd, reply, peer));
    });
  const done = receiveAll(socket, (bytes, peer) => {
    const from = parseAddress(peer.hostname);
    // A peer that went away meanwhile is no fault of ours.
    if (from.ok) take(bytes, from.value, (reply) => void socket.send(reply, peer).catch(() => {}));
    drain();
  });
  return {
    receiveBufferBytes: raiseReceiveBuffer(fd, options.receiveBufferBytes),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await done;
    },
  };
}

async function receiveAll(
  socket: Deno.DatagramConn,
  take: (bytes: Uint8Array, peer: Deno.NetAddr) => void,
): Promise<void> {
  for (;;) {
    try {
      const [bytes, peer] = await socket.receive();
      if (peer.transport === "udp") take(bytes, peer);
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      // Linux reports here that an earlier answer met a closed port.
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}
