import { type Address, anyContains, formatAddress, hostText } from "../base/cidr.ts";
import { formatIpv4 } from "../base/ipv4.ts";
import { PeerLimit } from "../base/peer_limit.ts";
import type { Config, InstanceConfig, UdpEndpoint } from "../config/config.ts";
import { isLoopbackOnly } from "../config/conflicts.ts";
import { type Answerer, serveAdmin } from "../control/admin.ts";
import type { Inheritance } from "../control/inheritance.ts";
import { openUdp } from "../control/udp.ts";
import { openUnix, removeDeadSocket } from "../control/unix.ts";
import type { GuardedRange } from "../core/backend.ts";
import type { Door, Wish } from "./doors.ts";
import { settingsOf } from "./settings.ts";
import type { Parts } from "./wiring.ts";

/** How many lines peers get that send what is not for us. */
const PEER_LIMITS = { perSeconds: 60, burst: 3, peers: 1000, allPerSecond: 20 };

/** What becomes of sockets when one daemon follows another. */
export interface Succession {
  /** Sockets of the daemon before this one. */
  readonly inheritance: Inheritance;
  /** Whether somebody keeps sockets for the daemon after this one. */
  readonly isKept: boolean;
}

/** The sockets that Kamailio talks to, as `config` wants them. */
export function controlDoors(
  parts: Parts,
  config: Config,
  succession: Succession,
): readonly Wish[] {
  return config.instances.flatMap(({ name, udp, unix }) => [
    ...udp
      ? [{
        key: udpKey(udp),
        owner: `instance "${name}"`,
        open: () => openUdpDoor(parts, udp, { config, succession }),
      }]
      : [],
    ...unix
      ? [{
        key: unix.path,
        owner: `instance "${name}"`,
        open: () => openUnixDoor(parts, unix.path, { config, succession }),
      }]
      : [],
  ]);
}

interface DoorOptions {
  readonly config: Config;
  readonly succession: Succession;
}

/** The socket that the command line talks to. */
export function adminDoor(config: Config, answer: Answerer): Wish {
  return { key: config.adminSocket, open: () => openAdminDoor(config.adminSocket, answer) };
}

async function openAdminDoor(path: string, answer: Answerer): Promise<Door> {
  await Deno.mkdir(path.replace(/\/[^/]*$/, "") || "/", { recursive: true });
  await removeDeadSocket(path);
  const server = serveAdmin(path, answer);
  const close = async (): Promise<void> => void await server[Symbol.asyncDispose]();
  return {
    fd: null,
    start() {},
    adapt() {},
    isReachable: () => true,
    retire: close,
    [Symbol.asyncDispose]: close,
  };
}

function udpKey({ host, port }: UdpEndpoint): string {
  return `udp:${hostText(host)}:${port}`;
}

/** Whose commands arrive at a socket; a reload may give it to another instance. */
function ownerOf({ instances }: Config, key: string): InstanceConfig | undefined {
  return instances.find(({ udp, unix }) => udp && udpKey(udp) === key || unix?.path === key);
}

async function openUdpDoor(
  parts: Parts,
  endpoint: UdpEndpoint,
  { config, succession }: DoorOptions,
): Promise<Door> {
  const { inbox, log, clock } = parts;
  const key = udpKey(endpoint);
  let instance = ownerOf(config, key)?.name ?? "";
  let wanted = config.receiveBufferBytes;
  const strangers = new PeerLimit(clock, PEER_LIMITS);
  const garbage = new PeerLimit(clock, PEER_LIMITS);
  const server = await openUdp(inbox, {
    get instance() {
      return instance;
    },
    hostname: endpoint.host,
    port: endpoint.port,
    receiveBufferBytes: wanted,
    ...succession,
    allows: (address) => anyContains(parts.config.controlAllow, address),
    onStranger: (address) => {
      inbox.peers.noteStranger(address, performance.now());
      const peer = formatAddress(address);
      strangers.take(peer, (held) =>
        log.warn(
          "Command dropped: the peer is not in [UDP socket] allow; add it there to accept it",
          { peer, instance, ...held },
        ));
    },
    onGarbage: (address) => {
      const peer = formatAddress(address);
      garbage.take(
        peer,
        (held) =>
          log.warn("Datagram dropped: it is no request of Kamailio's lrkproxy module", {
            peer,
            instance,
            ...held,
          }),
      );
    },
  });
  const swallowed = guardOf(settingsOf(config, [], parts.current.settings).ranges, {
    address: server.address,
    port: endpoint.port,
  });
  if (swallowed && (server.address || !isLoopbackOnly(config.controlAllow))) {
    await server.retire();
    throw new Error(
      `port ${endpoint.port} is among the relay's own ports, ${swallowed.startPort} to ` +
        `${swallowed.endPort} on ${formatIpv4(swallowed.address)}, whose packets reach no program`,
    );
  }
  const tell = (buffer: number): void => {
    log.info("Listening", { instance, socket: key, buffer });
  };
  return {
    fd: server.fd,
    start() {
      server.start();
      tell(server.receiveBufferBytes);
    },
    adapt() {
      const { config: { receiveBufferBytes } } = parts;
      const owner = ownerOf(parts.config, key)?.name ?? instance;
      if (owner === instance && receiveBufferBytes === wanted) return;
      instance = owner;
      wanted = receiveBufferBytes;
      tell(server.resize(wanted));
    },
    isReachable: () => server.isReachable(),
    retire: () => server.retire(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/**
 * The ports of the relay that a control socket's port is among, so that the table drops what is sent
 * to it. A configuration with an address like that is refused; this knows names too, and the ports
 * that calls of a former configuration are still bound to.
 */
export function guardOf(
  ranges: readonly GuardedRange[],
  { address, port }: { readonly address: Address | null; readonly port: number },
): GuardedRange | undefined {
  if (address?.family === 6) return undefined;
  const text = address && formatAddress(address);
  return ranges.find((range) =>
    port >= range.startPort && port <= range.endPort &&
    (text === null || text === formatIpv4(range.address))
  );
}

async function openUnixDoor(
  parts: Parts,
  path: string,
  { config, succession }: DoorOptions,
): Promise<Door> {
  const { inbox, log } = parts;
  const owner = ownerOf(config, path);
  let instance = owner?.name ?? "";
  let mode = owner?.unix?.mode ?? 0o660;
  const server = await openUnix(inbox, {
    get instance() {
      return instance;
    },
    path,
    mode,
    ...succession,
  });
  return {
    fd: server.fd,
    start() {
      server.start();
      log.info("Listening", { instance, socket: path });
    },
    adapt() {
      const now = ownerOf(parts.config, path);
      instance = now?.name ?? instance;
      if (now?.unix && now.unix.mode !== mode) {
        mode = now.unix.mode;
        changeMode(parts, path, mode);
      }
    },
    isReachable: () => true,
    retire: () => server.retire(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Change who may connect to a socket; one that cannot be changed is no reason to undo a reload. */
export function changeMode(
  { log }: Pick<Parts, "log">,
  path: string,
  mode: number,
): void {
  try {
    Deno.chmodSync(path, mode);
  } catch (error) {
    log.error("The socket keeps its mode", { socket: path, detail: String(error) });
  }
}
