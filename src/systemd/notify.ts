/**
 * What a service tells systemd: sd_notify(3), in datagrams of `NAME=value` lines to the UNIX socket
 * that NOTIFY_SOCKET names. Deno knows neither abstract addresses nor how to pass sockets along, so
 * the datagrams go out through libc.
 */
import { libc } from "../base/libc.ts";
import { sendDatagram, unixAddress } from "./unix_datagram.ts";

/** Reads the environment; null where a variable is not set. */
export type Environment = (name: string) => string | undefined;

/** The way to whoever supervises this process. Where nobody does, nothing happens. */
export interface Notifier extends Disposable {
  /** Whether there is anybody to tell. */
  readonly isHeard: boolean;
  /** The service serves, for the first time or after a reload. */
  ready(): void;
  /** The configuration is being read anew; {@link ready} ends it. */
  reloading(): void;
  stopping(): void;
  /** One line on how the service is, for `systemctl status`. */
  status(text: string): void;
  /** The service is well; to be said more often than WatchdogSec. */
  watchdog(): void;
  /** Have an open socket kept for the next process of the service, under a name without `:`. */
  storeSocket(fd: number, name: string): void;
  /** Have all sockets of that name closed. */
  forgetSockets(name: string): void;
}

/** Open the way to the supervisor that the environment names. */
export function openNotifier(environment: Environment = (name) => Deno.env.get(name)): Notifier {
  const path = environment("NOTIFY_SOCKET");
  const address = path ? unixAddress(path) : null;
  const socket = address ? openSocket() : -1;
  const tell = (lines: readonly string[], descriptor: number | null = null): void => {
    if (address === null || socket < 0) return;
    // A supervisor that does not listen must not stop calls: what it misses, it asks for or kills.
    sendDatagram(socket, { address, text: lines.join("\n"), descriptor });
  };
  return {
    isHeard: socket >= 0,
    ready: () => tell(["READY=1"]),
    reloading: () => tell(["RELOADING=1", `MONOTONIC_USEC=${monotonicMicroseconds()}`]),
    stopping: () => tell(["STOPPING=1"]),
    status: (text) => tell([`STATUS=${text.replaceAll("\n", " ")}`]),
    watchdog: () => tell(["WATCHDOG=1"]),
    // FDPOLL=0: an error on a socket is no reason to throw it away.
    storeSocket: (fd, name) => tell(["FDSTORE=1", `FDNAME=${name}`, "FDPOLL=0"], fd),
    forgetSockets: (name) => tell(["FDSTOREREMOVE=1", `FDNAME=${name}`]),
    [Symbol.dispose]: () => {
      if (socket >= 0) libc().close(socket);
    },
  };
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;

function openSocket(): number {
  return libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
}

/** CLOCK_MONOTONIC, by which systemd tells a reload from one before it. */
function monotonicMicroseconds(): bigint {
  const time = new BigInt64Array(2);
  libc().clock_gettime(1, new Uint8Array(time.buffer));
  return (time[0] ?? 0n) * 1_000_000n + (time[1] ?? 0n) / 1000n;
}
