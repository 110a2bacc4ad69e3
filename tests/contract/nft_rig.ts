import { ADDRESSES, buildRelayNetwork, type Namespace } from "../../src/netns/namespaces.ts";
import { type Endpoint, formatIpv4 } from "../../src/base/ipv4.ts";
import type { Backend, BackendOptions } from "../../src/core/backend.ts";
import type { Session } from "../../src/core/session.ts";
import { NftBackend } from "../../src/nft/backend.ts";
import { elementsOf, wordPort } from "../../src/nft/elements.ts";
import { type ArrivedPacket, type Checksum, RawUdp } from "../netns/raw_udp.ts";
import { at, RANGES, type Rig, rtpPacket, type Vandalism } from "./rig.ts";

/** The smallest table has 1024 open flows, four a session. */
const CAPACITY = 256;
const MARKERS = { caller: at(`${ADDRESSES.caller}:9`), callee: at(`${ADDRESSES.callee}:9`) };

/** A {@link Rig} of network namespaces and a real kernel. */
export interface KernelRig<B extends Backend> extends Rig {
  readonly backend: B;
  restart(): B;
  readonly caller: Namespace;
  readonly relay: Namespace;
  readonly callee: Namespace;
  /** Send a packet with this checksum and see everything that comes of it. */
  watch(
    packet: Required<Parameters<Rig["send"]>[0]>,
    checksum: Exclude<Checksum, "wrong">,
  ): readonly ArrivedPacket[];
  /** Run nft(8) beside the relay. */
  nft(...args: readonly string[]): string;
}

/** A {@link KernelRig} of nftables alone. */
export type NftRig = KernelRig<NftBackend>;

/** One test of the kernel path. */
export interface KernelCase {
  readonly name: string;
  readonly options?: Partial<BackendOptions>;
  readonly run: (rig: NftRig) => void | Promise<void>;
}

/** Build the namespaces and attach nftables in the relay's. */
export function makeNftRig(variant: Partial<BackendOptions> = {}): Promise<NftRig> {
  return makeKernelRig((options) => new NftBackend(options), variant);
}

/** Build the namespaces and attach the back end that `make` makes in the relay's. */
export async function makeKernelRig<B extends Backend>(
  make: (options: BackendOptions) => B,
  variant: Partial<BackendOptions> = {},
): Promise<KernelRig<B>> {
  const options = { maxSessions: 1, ranges: RANGES, ...variant };
  await using stack = new AsyncDisposableStack();
  const { caller, relay, callee } = stack.use(buildRelayNetwork({ relaying: true }));
  // The back end opens sockets and runs nft at any time, so this thread stays with the relay.
  stack.use(relay.enter());
  const sides = { caller: stack.use(new RawUdp(caller)), callee: stack.use(new RawUdp(callee)) };
  let backend = stack.use(make(options));
  await backend.attach();
  const owned = stack.move();
  const nft = (...args: readonly string[]): string => relay.command("nft", ...args);
  const watch: KernelRig<B>["watch"] = (packet, checksum) => watchPacket(sides, packet, checksum);
  return {
    get backend() {
      return backend;
    },
    caller,
    relay,
    callee,
    capacity: CAPACITY,
    send: ({ from, to, payload = rtpPacket() }) => theOnly(watch({ from, to, payload }, "valid")),
    restart: () => backend = owned.use(make(options)),
    vandalise: (what, session) => vandalise(nft, what, session),
    hasUnrelated: () => nft("list", "tables").includes("inet somebody"),
    watch,
    nft,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * Packets of one sender stay in their order, so when a marker that is merely forwarded has reached
 * the far side, everything before it has arrived.
 */
function watchPacket(
  { caller, callee }: { readonly caller: RawUdp; readonly callee: RawUdp },
  packet: Required<Parameters<Rig["send"]>[0]>,
  checksum: Exclude<Checksum, "wrong">,
): readonly ArrivedPacket[] {
  const fromCaller = (packet.from.address >>> 8) === (MARKERS.caller.address >>> 8);
  const [near, far] = fromCaller ? [caller, callee] : [callee, caller];
  const [nearEnd, farEnd] = fromCaller
    ? [MARKERS.caller, MARKERS.callee]
    : [MARKERS.callee, MARKERS.caller];
  near.send(packet, { checksum });
  near.send({ from: nearEnd, to: farEnd, payload: new Uint8Array() });
  const arrived = far.receiveUntil(({ to }) => to.port === farEnd.port);
  return [...arrived, ...near.receiveAll()];
}

function theOnly(
  packets: readonly ArrivedPacket[],
): { from: Endpoint; to: Endpoint; payload: Uint8Array } | null {
  const [packet, ...more] = packets;
  if (more.length > 0) throw new Error(`One packet became ${packets.length}`);
  if (!packet) return null;
  if (packet.checksum !== "valid") throw new Error(`The UDP checksum is ${packet.checksum}`);
  const { from, to, payload } = packet;
  return { from, to, payload };
}

function vandalise(nft: NftRig["nft"], what: Vandalism, session: Session): void {
  const actions: Readonly<Record<Vandalism, () => void>> = {
    table: () => nft("delete", "table", "ip", "lrkproxy"),
    flows: () => {
      nft("flush", "map", "ip", "lrkproxy", "legs");
      nft("flush", "map", "ip", "lrkproxy", "open");
      nft("flush", "set", "ip", "lrkproxy", "held");
    },
    records: () => nft("flush", "set", "ip", "lrkproxy", "sessions"),
    rule: () => {
      const listing = nft("-a", "list", "chain", "ip", "lrkproxy", "prerouting");
      const handle = /legs .* # handle (\d+)/.exec(listing)?.[1] ?? "none";
      nft("delete", "rule", "ip", "lrkproxy", "prerouting", "handle", handle);
    },
    element: () => {
      const element = elementsOf(session).find(({ flow }) => flow === 0);
      const text = element && elementText(element.key);
      nft("delete", "element", "ip", "lrkproxy", element?.set ?? "", `{ ${text} }`);
    },
    unrelated: () => {
      nft("add", "table", "inet", "somebody");
      nft("add", "chain", "inet", "somebody", "input", "{ type filter hook input priority 0; }");
      nft("add", "rule", "inet", "somebody", "input", "udp", "dport", "53", "accept");
    },
  };
  actions[what]();
}

/** A key of `legs`, `open` or `held` as nft(8) writes it. */
function elementText([remote = 0, local = 0, ...ports]: readonly number[]): string {
  return [formatIpv4(remote), formatIpv4(local), ...ports.map(wordPort)].join(" . ");
}
