import { strict as assert } from "node:assert";
import { type Endpoint, formatEndpoint, formatIpv4 } from "../../src/base/ipv4.ts";
import { errno, libc } from "../../src/base/libc.ts";
import { connect, Namespace } from "../../src/netns/namespaces.ts";
import { endpoint } from "../support/world.ts";
import { IcmpWatch } from "./icmp.ts";
import { CALL, type Call } from "./kamailio.ts";
import { packet } from "./media.ts";
import { internetSum, RawUdp, type Sending } from "./raw_udp.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, type World } from "./world.ts";

/*
 * Packets that do not fit a link on their way out, and may not be taken apart (RFC 1191): their sender is told so
 * by the relay's address that it sends to, and is shown the packet as it sent it (RFC 5508, 4).
 */

const SMALL_MTU = 600;
const BIG = 1000;
const IP_HEADER = 20;
const ICMP_HEADER = 8;
const UDP_HEADER = 8;

/** An RTP packet too long for a small link. */
function bigPacket(): Uint8Array {
  const payload = new Uint8Array(BIG);
  payload.set(packet("rtp", { sequence: 1, ssrc: 0x12345678 }));
  payload.fill(0xa5, 172);
  return payload;
}

/** What an ICMP "fragmentation needed" says, if all its checksums are right. */
interface TooBigMessage {
  readonly type: string;
  readonly from: string;
  readonly mtu: number;
  readonly quoted: { readonly from: string; readonly to: string; readonly payload: Uint8Array };
}

function parseTooBig(bytes: Uint8Array): TooBigMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const icmp = bytes.subarray(IP_HEADER);
  const quoted = icmp.subarray(ICMP_HEADER);
  assert.equal(internetSum(bytes.subarray(0, IP_HEADER)), 0, "IP checksum");
  assert.equal(internetSum(icmp), 0, "ICMP checksum");
  assert.equal(internetSum(quoted.subarray(0, IP_HEADER)), 0, "quoted IP checksum");
  const at = IP_HEADER + ICMP_HEADER;
  const socket = (address: number, port: number): string =>
    formatEndpoint({ address: view.getUint32(at + address), port: view.getUint16(at + port) });
  return {
    type: `${icmp[0]}/${icmp[1]}`,
    from: formatIpv4(view.getUint32(12)),
    mtu: view.getUint16(IP_HEADER + 6),
    quoted: {
      from: socket(12, IP_HEADER),
      to: socket(16, IP_HEADER + 2),
      payload: quoted.slice(IP_HEADER),
    },
  };
}

interface Told {
  readonly message: TooBigMessage;
  /** The UDP header and what followed, as it was sent. */
  readonly sent: Uint8Array;
}

/** Send a packet that is too big until somebody is told; the answer is what. */
async function tell(
  place: Namespace,
  { from, to, ...sending }: { readonly from: string; readonly to: string } & Sending,
): Promise<Told> {
  using udp = new RawUdp(place);
  using icmp = new IcmpWatch(place);
  // The sender's kernel has learned from the packet before, and would not send this one.
  place.ip("route", "flush", "cache");
  const ends = { from: endpoint(from), to: endpoint(to) };
  const sent = udp.send({ ...ends, payload: bigPacket() }, { dontFragment: true, ...sending });
  const [first] = await until("the sender is told", () => {
    const packets = icmp.takePackets();
    return packets.length > 0 && packets;
  });
  assert(first);
  return { message: parseTooBig(first), sent: sent.subarray(IP_HEADER) };
}

/** That the sender of a packet was told by the relay, and shown its own packet, checksum and all. */
function assertTold({ message, sent }: Told, { from, to }: { from: string; to: string }): void {
  assert.equal(message.type, "3/4");
  assert.equal(message.from, to.split(":")[0]);
  assert.equal(message.mtu, SMALL_MTU);
  const { payload } = message.quoted;
  assert.deepEqual({ ...message.quoted, payload }, { from, to, payload });
  assert(payload.length >= UDP_HEADER);
  assert.deepEqual(payload, sent.slice(0, payload.length));
}

/** A relay with a small link to one of its sides, which the other side does not know. */
async function openSmallWorld(link: "inside" | "outside" = "outside"): Promise<World> {
  return await openWorld({
    prepare: ({ relay }) => void relay.ip("link", "set", link, "mtu", `${SMALL_MTU}`),
  });
}

const NAT = { rtp: 41000, rtcp: 41003 };

for (
  const [link, side, senders] of [
    ["outside", "caller", [
      [`10.10.1.10:${NAT.rtp}`, CALL.snat],
      [`10.10.1.10:${NAT.rtcp}`, "10.10.1.1:20003"],
    ]],
    ["inside", "callee", [
      ["192.0.2.20:7000", CALL.dst],
      ["192.0.2.20:7001", "192.0.2.1:20001"],
    ]],
  ] as const
) {
  Deno.test(`a ${side} whose packets do not fit is told, with and without a checksum`, async () => {
    await using world = await openSmallWorld(link);
    await world.kamailio.open(CALL);
    await converse(world.caller(NAT), world.callee(7000));
    await untilLocked(world);
    for (const [from, to] of senders) {
      for (const checksum of ["valid", "none"] as const) {
        assertTold(await tell(world.net[side], { from, to, checksum }), { from, to });
      }
    }
  });
}

Deno.test("who speaks first, before the other party, is told too", async () => {
  await using world = await openSmallWorld();
  await world.kamailio.open(CALL);
  for (const checksum of ["valid", "none"] as const) {
    const ends = { from: "10.10.1.10:6000", to: CALL.snat };
    assertTold(await tell(world.net.caller, { ...ends, checksum }), ends);
  }
});

/** A callee behind a router whose further link is small. */
const FAR: Call = { ...CALL, dnat: "198.51.100.20:7000" };

async function openFarWorld(): Promise<{ readonly world: World; readonly far: Namespace }> {
  const far = new Namespace("far");
  const world = await openWorld({
    prepare: ({ relay, callee: router }) => {
      connect(far, ["198.51.100.20"], { relay: router, link: "beyond", address: "198.51.100.1" });
      router.ip("link", "set", "beyond", "mtu", `${SMALL_MTU}`);
      router.setSysctl("ipv4/ip_forward", "1");
      relay.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.20");
    },
  });
  world.use(far);
  return { world, far };
}

Deno.test("what a router further on says is passed on as the relay's word", async () => {
  const { world } = await openFarWorld();
  await using _ = world;
  await world.kamailio.open(FAR);
  const ends = { from: "10.10.1.10:6000", to: FAR.snat };
  assertTold(await tell(world.net.caller, ends), ends);
});

const IPPROTO_IP = 0;
const IP_MTU_DISCOVER = 10;
const IP_PMTUDISC_DO = 2;
const EMSGSIZE = 90;

/** A program's UDP socket that may not be taken apart, connected to a peer. */
class CarefulSocket implements Disposable {
  readonly #fd: number;

  constructor(place: Namespace, from: Endpoint, to: Endpoint) {
    this.#fd = place.run(() => libc().socket(2, 2 | 0o2000000, 0));
    const always = new Uint8Array(Int32Array.of(IP_PMTUDISC_DO).buffer);
    assert.equal(libc().setsockopt(this.#fd, IPPROTO_IP, IP_MTU_DISCOVER, always, 4), 0);
    assert.equal(libc().bind(this.#fd, sockaddr(from), 16), 0);
    assert.equal(libc().connect(this.#fd, sockaddr(to), 16), 0);
  }

  /** Send so many bytes; the answer is 0 or the errno. */
  send(length: number): number {
    const payload = bigPacket().slice(0, length);
    const sent = Number(libc().send(this.#fd, payload, BigInt(payload.length), 0));
    return sent < 0 ? errno() : 0;
  }

  [Symbol.dispose](): void {
    libc().close(this.#fd);
  }
}

function sockaddr({ address, port }: Endpoint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 2, true);
  view.setUint16(2, port);
  view.setUint32(4, address);
  return bytes;
}

Deno.test("a program that sends too much learns how much fits, and then is heard", async () => {
  await using world = await openSmallWorld();
  await world.kamailio.open(CALL);
  const callee = world.callee(7000);
  using socket = new CarefulSocket(
    world.net.caller,
    endpoint("10.10.1.10:6000"),
    endpoint(CALL.snat),
  );
  await until("its kernel knows", () => socket.send(BIG) === EMSGSIZE);
  await until("what fits is sent", () => socket.send(SMALL_MTU - IP_HEADER - UDP_HEADER) === 0);
  await until("the callee has heard it", () => callee.rtp.heard.length > 0);
});

Deno.test("errors about the relay's own packets are the relay's", async () => {
  const { world } = await openFarWorld();
  await using _ = world;
  await world.kamailio.open(FAR);
  using icmp = new IcmpWatch(world.net.caller);
  // A program of the relay's, at a port that is none of the call's.
  using socket = new CarefulSocket(
    world.relay,
    endpoint("192.0.2.1:5060"),
    endpoint("198.51.100.20:7000"),
  );
  await until("the relay's kernel knows", () => socket.send(BIG) === EMSGSIZE);
  assert.deepEqual(icmp.take(), []);
});

Deno.test("no other error is passed on: a phone would take it for the call's end", async () => {
  await using world = await openWorld();
  await world.kamailio.open(CALL);
  using icmp = new IcmpWatch(world.net.caller);
  using atRelay = new IcmpWatch(world.relay);
  // Nobody has the callee's port open.
  const caller = world.caller(6000);
  caller.talk(CALL.snat);
  await until(
    "the callee's machine has said so",
    () => atRelay.take().includes("3/3 from 192.0.2.20"),
  );
  assert.deepEqual(icmp.take(), []);
});

Deno.test("too-big packets neither make a session nor count as a stranger", async () => {
  await using world = await openSmallWorld();
  await world.kamailio.open(CALL);
  await tell(world.net.caller, { from: "10.10.1.10:6000", to: CALL.snat });
  const { session, strangers } = await world.show();
  assert.equal(session.callee.rtp.latch, "open");
  assert.deepEqual(strangers, []);
});
