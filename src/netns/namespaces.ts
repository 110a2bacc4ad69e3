import { libc, readSmallFile, systemError, writeSmallFile } from "../base/libc.ts";
import { setKernelDefaults } from "./kernel_defaults.ts";

/*
 * Network namespaces that live as long as a demonstration or a test.
 *
 *     using net = buildRelayNetwork();
 *     const socket = net.caller.run(() => Deno.listenDatagram({ transport: "udp", ... }));
 *
 * A thread moves into a namespace (setns) and back: whatever it opens or spawns meanwhile belongs
 * there for good. Deno runs a program on one thread, so sockets of several namespaces meet in one
 * process. Needs root, ip(8), and the permissions run, ffi and read.
 */

const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;
const PREFIX = "lrk-";

/** Addresses of {@link buildRelayNetwork}. */
export const ADDRESSES = {
  caller: "10.10.1.10",
  /** More addresses on the caller's machine. */
  callerStrangers: ["10.10.1.66", "10.10.1.67"],
  relayInternal: "10.10.1.1",
  relayExternal: "192.0.2.1",
  callee: "192.0.2.20",
  /** More addresses on the callee's machine. */
  calleeStrangers: ["192.0.2.66", "192.0.2.67"],
} as const;

/** A network namespace of this process's own; disposing of it takes its links along. */
export class Namespace implements Disposable {
  /** The name that ip(8) knows it by. */
  readonly name: string;

  /** Make a namespace with only a loopback, which is up, and the settings of an untouched kernel. */
  constructor(label: string) {
    this.name = `${PREFIX}${Deno.pid}-${label}-${++made}`;
    ip("netns", "add", this.name);
    this.ip("link", "set", "lo", "up");
    this.run(setKernelDefaults);
  }

  /** Do something that does not wait: open sockets, spawn a program. */
  run<T>(action: () => T extends PromiseLike<unknown> ? never : T): T {
    using _inside = this.enter();
    return action();
  }

  /**
   * Move this thread in until the answer is disposed of; all that runs meanwhile, other tasks
   * too, is inside. For code that opens sockets or spawns programs behind an `await`.
   */
  enter(): Disposable {
    const outside = openNamespace("/proc/thread-self/ns/net");
    const inside = openNamespace(`/run/netns/${this.name}`);
    moveTo(inside);
    libc().close(inside);
    return {
      [Symbol.dispose]: () => {
        moveTo(outside);
        libc().close(outside);
      },
    };
  }

  /** Run ip(8) inside. Throws with what it said. */
  ip(...args: readonly string[]): string {
    return ip("-n", this.name, ...args);
  }

  /** Run a program inside and wait for its end. Throws with what it said. */
  command(program: string, ...args: readonly string[]): string {
    return this.run(() => runProgram(program, args));
  }

  /** Set a sysctl below /proc/sys/net, such as `ipv4/ip_forward`. */
  setSysctl(path: string, value: string): void {
    this.run(() => writeSmallFile(`/proc/sys/net/${path}`, value));
  }

  [Symbol.dispose](): void {
    ip("netns", "delete", this.name);
  }
}

/** Caller, relay and callee, one link from each party to the relay. */
export interface RelayNetwork extends Disposable {
  readonly caller: Namespace;
  readonly relay: Namespace;
  readonly callee: Namespace;
}

/** The relay's interfaces: the one towards the caller, and towards the callee. */
export const RELAY_LINKS = ["inside", "outside"] as const;

/**
 * Build caller – relay – callee with {@link ADDRESSES}. `relaying` sets the sysctls that the nft data
 * path needs, which is otherwise the daemon's task.
 */
export function buildRelayNetwork(
  { relaying = false }: { readonly relaying?: boolean } = {},
): RelayNetwork {
  removeLeftovers();
  using stack = new DisposableStack();
  const caller = stack.use(new Namespace("caller"));
  const relay = stack.use(new Namespace("relay"));
  const callee = stack.use(new Namespace("callee"));
  const { relayInternal, relayExternal } = ADDRESSES;
  connect(caller, [ADDRESSES.caller, ...ADDRESSES.callerStrangers], {
    relay,
    link: RELAY_LINKS[0],
    address: relayInternal,
  });
  connect(callee, [ADDRESSES.callee, ...ADDRESSES.calleeStrangers], {
    relay,
    link: RELAY_LINKS[1],
    address: relayExternal,
  });
  if (relaying) allowRelaying(relay);
  const owned = stack.move();
  return { caller, relay, callee, [Symbol.dispose]: () => owned.dispose() };
}

/** Set the sysctls without which rewritten packets do not pass. */
export function allowRelaying(relay: Namespace): void {
  relay.setSysctl("ipv4/ip_forward", "1");
  relay.setSysctl("ipv4/conf/all/rp_filter", "0");
  for (const link of RELAY_LINKS) {
    relay.setSysctl(`ipv4/conf/${link}/rp_filter`, "0");
    relay.setSysctl(`ipv4/conf/${link}/accept_local`, "1");
  }
}

let made = 0;

/** Connect a party to a router by a link of its own; the router is the way to everywhere else. */
export function connect(
  party: Namespace,
  addresses: readonly string[],
  to: { readonly relay: Namespace; readonly link: string; readonly address: string },
): void {
  const { relay, link, address } = to;
  const pair = ["type", "veth", "peer", "name", "eth0", "netns", party.name];
  ip("link", "add", link, "netns", relay.name, ...pair);
  relay.ip("address", "add", `${address}/24`, "dev", link);
  for (const own of addresses) party.ip("address", "add", `${own}/24`, "dev", "eth0");
  relay.ip("link", "set", link, "up");
  party.ip("link", "set", "eth0", "up");
  party.ip("route", "add", "default", "via", address);
}

/** Remove the namespaces of processes that were killed. */
function removeLeftovers(): void {
  for (const line of ip("netns", "list").split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid && readSmallFile(`/proc/${pid}/comm`) === null) ip("netns", "delete", name);
  }
}

function ip(...args: readonly string[]): string {
  return runProgram("ip", args);
}

function runProgram(program: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  if (success) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(`Cannot run "${program} ${args.join(" ")}": ${said}`);
}

function openNamespace(path: string): number {
  const fd = libc().open(new TextEncoder().encode(`${path}\0`), O_RDONLY_CLOEXEC);
  if (fd < 0) throw systemError(`open the namespace ${path}`);
  return fd;
}

function moveTo(fd: number): void {
  if (libc().setns(fd, CLONE_NEWNET) !== 0) throw systemError("enter a network namespace");
}
