import type { SessionReport, SessionView, StatusView } from "../../src/control/admin.ts";
import {
  ADDRESSES,
  buildRelayNetwork,
  type Namespace,
  type RelayNetwork,
} from "../../src/netns/namespaces.ts";
import { Daemon, type Ini } from "./daemon.ts";
import { CALL, type Call, Kamailio } from "./kamailio.ts";
import { Party, type Ports, type Talk } from "./media.ts";
import { until } from "./until.ts";

/** A caller, a callee, and between them a relay with a running daemon that Kamailio talks to. */
export interface World extends AsyncDisposable {
  readonly net: RelayNetwork;
  readonly relay: Namespace;
  readonly daemon: Daemon;
  readonly kamailio: Kamailio;
  /** Make a party that lives as long as the world. */
  caller(ports: number | Ports, address?: string): Party;
  callee(ports: number | Ports, address?: string): Party;
  /** Let something live as long as the world. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T;
  status(): Promise<StatusView>;
  sessions(): Promise<readonly SessionView[]>;
  /** What `lrkproxy show` says of a call. */
  show(callId?: string): Promise<SessionReport>;
}

/** How to make a {@link World}. */
export interface WorldOptions {
  readonly ini?: Ini;
  /** What to do with the network before the daemon starts. */
  readonly prepare?: (net: RelayNetwork) => void | Promise<void>;
}

/** Make a world. */
export async function openWorld({ ini = {}, prepare }: WorldOptions = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const net = stack.use(buildRelayNetwork());
  await prepare?.(net);
  const daemon = stack.use(new Daemon(net.relay, ini));
  await daemon.start();
  const kamailio = stack.use(new Kamailio(net.relay));
  const owned = stack.move();
  return {
    net,
    relay: net.relay,
    daemon,
    kamailio,
    caller: (ports, address = ADDRESSES.caller) => owned.use(new Party(net.caller, address, ports)),
    callee: (ports, address = ADDRESSES.callee) => owned.use(new Party(net.callee, address, ports)),
    use: (resource) => owned.use(resource),
    status: async () => (await daemon.json<{ status: StatusView }>("status")).status,
    sessions: async () => {
      return (await daemon.json<{ sessions: readonly SessionView[] }>("sessions")).sessions;
    },
    show: async (callId = CALL.id) => {
      const { reports } = await daemon.json<{ reports: readonly SessionReport[] }>("show", callId);
      const [report] = reports;
      if (!report || reports.length > 1) throw new Error(`${reports.length} sessions of ${callId}`);
      return report;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Two parties that talk. */
export interface Conversation {
  readonly caller: Party;
  readonly callee: Party;
  readonly fromCaller: Talk;
  readonly fromCallee: Talk;
}

/** Let parties talk through the relay sockets of a call until all four streams have arrived. */
export async function converse(
  caller: Party,
  callee: Party,
  call: Call = CALL,
): Promise<Conversation> {
  const conversation = {
    caller,
    callee,
    fromCaller: caller.talk(call.snat),
    fromCallee: callee.talk(call.dst),
  };
  await untilTwoWay(conversation);
  return conversation;
}

/** Wait until RTP and RTCP that are sent from now on have arrived on both sides. */
export async function untilTwoWay(
  { caller, callee, fromCaller, fromCallee }: Conversation,
  withinMs = 5000,
): Promise<void> {
  const ways = [
    ["caller's RTP", callee.rtp, fromCaller.rtp],
    ["caller's RTCP", callee.rtcp, fromCaller.rtcp],
    ["callee's RTP", caller.rtp, fromCallee.rtp],
    ["callee's RTCP", caller.rtcp, fromCallee.rtcp],
  ] as const;
  const begun = ways.map(([, , stream]) => stream.sent);
  const missing = (): readonly string[] =>
    ways.filter(([, socket, stream], i) => {
      return !socket.of(stream).some(({ sequence }) => sequence >= (begun[i] ?? 0));
    }).map(([name]) => name);
  try {
    await until("two-way media", () => missing().length === 0, withinMs);
  } catch {
    throw new Error(`Not within ${withinMs} ms: ${missing().join(", ")} relayed`);
  }
}

/** Stop both parties; throws if anything that they have sent from `since` on has not arrived. */
export async function expectNoLoss(
  { caller, callee, fromCaller, fromCallee }: Conversation,
  since = 0,
): Promise<number> {
  fromCaller.stop();
  fromCallee.stop();
  const ways = [
    [callee.rtp, fromCaller.rtp],
    [callee.rtcp, fromCaller.rtcp],
    [caller.rtp, fromCallee.rtp],
    [caller.rtcp, fromCallee.rtcp],
  ] as const;
  let sent = 0;
  for (const [socket, stream] of ways) {
    const heard = (): number =>
      socket.of(stream).filter(({ sequence }) => sequence >= since).length;
    const expected = Math.max(0, stream.sent - since);
    await until(`all ${expected} packets have arrived`, () => heard() === expected);
    sent += expected;
  }
  return sent;
}

/** Wait until every flow of a call that was heard is locked to its source port. */
export async function untilLocked(world: World, callId = CALL.id): Promise<SessionView> {
  return await until("all flows are locked", async () => {
    const { session } = await world.show(callId);
    const flows = [session.caller, session.callee].flatMap(({ rtp, rtcp }) => [rtp, rtcp]);
    return flows.every(({ latch }) => latch === "locked") && session;
  });
}
