import assert from "node:assert/strict";
import type { SessionView } from "../../src/control/admin.ts";
import { ADDRESSES, buildRelayNetwork, type RelayNetwork } from "../../src/netns/namespaces.ts";
import { Daemon, type Ini } from "../netns/daemon.ts";
import { Party } from "../netns/media.ts";
import { until } from "../netns/until.ts";
import { type KamailioSetup, RealKamailio, type Version, VERSIONS } from "./real_kamailio.ts";
import { Phone } from "./phone.ts";

/** Two phones, and between them a real Kamailio with the shipped configuration and the daemon. */
export interface World {
  readonly net: RelayNetwork;
  readonly daemon: Daemon;
  readonly kamailio: RealKamailio;
  /** At 10.10.1.10. */
  readonly caller: Phone;
  /** At 192.0.2.20. */
  readonly callee: Phone;
  /** New RTP and RTCP sockets on a side; who asks closes them. */
  media(side: "caller" | "callee", at: { readonly ip: string; readonly port: number }): Party;
  /** Let something live as long as the test. */
  use<T extends AsyncDisposable>(resource: T): T;
  sessions(): Promise<readonly SessionView[]>;
}

/** How a group's Kamailio is started, and what it finds. */
export interface Setup extends KamailioSetup {
  /** What the daemon's configuration differs in. */
  readonly ini?: Ini;
  /** Adds to the network before Kamailio starts, in which what is used lives as long as the group. */
  readonly prepare?: (
    net: RelayNetwork,
    stack: AsyncDisposableStack,
    version: Version,
  ) => Promise<void>;
}

/** A test of a {@link World}. */
export type PhoneTest = (world: World) => Promise<void>;

/**
 * Register tests that are run with each Kamailio. After each, no session may be left and Kamailio
 * must be well. They share one Kamailio, since it takes seconds to start; their phones are new.
 */
export function phoneTests(
  group: string,
  tests: Readonly<Record<string, PhoneTest>>,
  setup: Setup = {},
): void {
  for (const version of VERSIONS) {
    Deno.test(`Kamailio ${version}, ${group}`, async (t) => {
      await using base = await openBase(version, setup);
      for (const [name, test] of Object.entries(tests)) {
        await t.step(name, () => runTest(test, base).catch(withLog(base)));
      }
    });
  }
}

/** Adds to an error what Kamailio has logged last. */
function withLog({ kamailio }: Base): (error: Error) => never {
  const from = kamailio.log.length;
  return (error) => {
    const log = kamailio.log.slice(from).split("\n").filter((line) => !/ (INFO|BUG): /.test(line));
    throw new Error(`${error.message}\nKamailio:\n${log.slice(-20).join("\n")}`, { cause: error });
  };
}

async function runTest(test: PhoneTest, { net, daemon, kamailio }: Base): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { caller, callee, relayInternal, relayExternal } = ADDRESSES;
  const sessions = (): Promise<readonly SessionView[]> => sessionsOf(daemon);
  await test({
    net,
    daemon,
    kamailio,
    caller: stack.use(new Phone(net.caller, caller, relayInternal)),
    callee: stack.use(new Phone(net.callee, callee, relayExternal)),
    media: (side, { ip, port }) => new Party(net[side], ip, port),
    use: (resource) => stack.use(resource),
    sessions,
  });
  await until("no session is left", async () => (await sessions()).length === 0);
  kamailio.assertIsWell();
}

interface Base extends AsyncDisposable {
  readonly net: RelayNetwork;
  readonly daemon: Daemon;
  readonly kamailio: RealKamailio;
}

async function openBase(version: Version, setup: Setup): Promise<Base> {
  await using stack = new AsyncDisposableStack();
  const net = stack.use(buildRelayNetwork());
  await setup.prepare?.(net, stack, version);
  const daemon = stack.use(new Daemon(net.relay, setup.ini));
  await daemon.start();
  const kamailio = stack.use(new RealKamailio(net.relay, version, setup));
  await kamailio.start();
  const owned = stack.move();
  return { net, daemon, kamailio, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The sessions of a relay. */
export async function sessionsOf(daemon: Daemon): Promise<readonly SessionView[]> {
  return (await daemon.json<{ sessions: readonly SessionView[] }>("sessions")).sessions;
}

/** How many packets of RTP go each way to show that media flow. */
const PACKETS = 25;

/** One end of a call: its sockets, and the relay's socket that its SDP names. */
export interface End {
  readonly media: Party;
  readonly relay: string;
}

/** Every packet of RTP and RTCP of both sides arrives at the other, from the relay's socket. */
export async function assertBothWays(a: End, b: End): Promise<void> {
  await assertOneWay(a, b);
  await assertOneWay(b, a);
  // The relay knows both sides' ports by now.
  await assertOneWay(a, b);
}

/** Every packet of RTP and RTCP that `from` sends arrives at `to`, from the relay's socket. */
export async function assertOneWay(from: End, to: End): Promise<void> {
  for (const kind of ["rtp", "rtcp"] as const) {
    const socket = from.media[kind];
    const stream = socket.stream(kind, kind === "rtp" ? from.relay : above(from.relay), 2);
    await until(`${PACKETS} packets are sent`, () => stream.sent >= PACKETS);
    stream.stop();
    const heard = () => to.media[kind].of(stream);
    await until(`all arrive`, () => heard().length >= stream.sent).catch(() => {
      throw new Error(
        `${kind} from ${socket.at} to ${to.media[kind].at}: ${heard().length} of ${stream.sent}`,
      );
    });
    assert.deepEqual(
      [...new Set(heard().map((each) => each.from))],
      [kind === "rtp" ? to.relay : above(to.relay)],
    );
    assert.equal(heard().length, stream.sent);
  }
}

function above(endpoint: string): string {
  const [address, port] = endpoint.split(":");
  return `${address}:${Number(port) + 1}`;
}
