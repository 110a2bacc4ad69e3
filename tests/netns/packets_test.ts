import { strict as assert } from "node:assert";
import { type Endpoint, parseIpv4 } from "../../src/base/ipv4.ts";
import { CALL } from "./kamailio.ts";
import { packet, type Party } from "./media.ts";
import { type ArrivedPacket, RawUdp } from "./raw_udp.ts";
import { until } from "./until.ts";
import { openWorld, type World } from "./world.ts";

/** Odd lengths end in half a word of the checksum; the longest fills the link's 1,500 bytes. */
const SIZES = [0, 1, 2, 11, 12, 13, 171, 172, 173, 1399, 1400, 1472];

/** Where the parties' checksums are made; the relay's own links never leave them to the card. */
const OFFLOADS = {
  "that the sender has computed": "off",
  "that the sender leaves to its network card": "on",
} as const;

interface Way {
  readonly sender: Party;
  readonly receiver: Party;
  /** The relay socket that the sender talks to. */
  readonly to: string;
  readonly rawSender: RawUdp;
  readonly rawReceiver: RawUdp;
}

for (const [made, offload] of Object.entries(OFFLOADS)) {
  Deno.test(`packets of all sizes arrive whole, with UDP checksums ${made} and with none`, async () => {
    await using world = await openWorld({
      prepare: ({ caller, relay, callee }) => {
        for (const party of [caller, callee]) party.command("ethtool", "-K", "eth0", "tx", offload);
        for (const link of ["inside", "outside"]) relay.command("ethtool", "-K", link, "tx", "off");
      },
    });
    await world.kamailio.open(CALL);
    const ways = bothWays(world);
    for (const way of ways) await expectAllSizes(way, "an open flow");
    await lock(world, ways);
    for (const way of ways) await expectAllSizes(way, "a locked flow");
  });
}

Deno.test("a UDP checksum that comes out as zero is sent as all ones, not as none", async () => {
  await using world = await openWorld({
    prepare: ({ relay }) => {
      for (const link of ["inside", "outside"]) relay.command("ethtool", "-K", link, "tx", "off");
    },
  });
  await world.kamailio.open(CALL);
  const ways = bothWays(world);
  for (const { sender, receiver, to, rawSender, rawReceiver } of ways) {
    const ends = { from: endpoint(sender.rtp.at), to: endpoint(to) };
    const out = {
      from: endpoint(to === CALL.snat ? CALL.dst : CALL.snat),
      to: endpoint(receiver.rtp.at),
    };
    // Zero as it is sent, after the addresses are rewritten, and after the ports are.
    const between = {
      from: { ...ends.from, address: out.from.address },
      to: { ...ends.to, address: out.to.address },
    };
    const payloads = [ends, between, out].map(payloadForZero);
    rawReceiver.receiveAll();
    for (const payload of payloads) rawSender.send({ ...ends, payload });
    const arrived: ArrivedPacket[] = [];
    await until("all three arrive", () => {
      arrived.push(...rawReceiver.receiveAll());
      return arrived.length >= payloads.length;
    });
    assert.deepEqual(arrived.map((each) => [each.payload, each.checksum]), [
      [payloads[0], "valid"],
      [payloads[1], "valid"],
      [payloads[2], "valid"],
    ]);
  }
});

function bothWays(world: World): readonly Way[] {
  const caller = { party: world.caller(6000), raw: world.use(new RawUdp(world.net.caller)) };
  const callee = { party: world.callee(7000), raw: world.use(new RawUdp(world.net.callee)) };
  const way = (from: typeof caller, to: typeof caller, relay: string): Way => ({
    sender: from.party,
    receiver: to.party,
    to: relay,
    rawSender: from.raw,
    rawReceiver: to.raw,
  });
  return [way(caller, callee, CALL.snat), way(callee, caller, CALL.dst)];
}

/** Send every size with a checksum and without, and see them arrive: in the kernel and in a socket. */
async function expectAllSizes(way: Way, flow: string): Promise<void> {
  way.rawReceiver.receiveAll();
  way.receiver.rtp.heard.length = 0;
  for (const size of SIZES) {
    way.sender.rtp.send(payload(size), way.to);
    const ends = { from: endpoint(way.sender.rtp.at), to: endpoint(way.to) };
    way.rawSender.send({ ...ends, payload: payload(size) }, { checksum: "none" });
  }
  const arrived: ArrivedPacket[] = [];
  await until(`all sizes arrive through ${flow}`, () => {
    arrived.push(...way.rawReceiver.receiveAll());
    return arrived.length === 2 * SIZES.length &&
      way.receiver.rtp.heard.length === 2 * SIZES.length;
  });
  for (const size of SIZES) {
    const ofSize = arrived.filter(({ payload }) => payload.length === size);
    assert.deepEqual(ofSize.map(({ checksum }) => checksum).sort(), ["none", "valid"]);
    for (const { payload: got } of ofSize) assert.deepEqual(got, payload(size));
  }
}

/** Bytes that are no RTP, so that they lock nothing. */
function payload(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => i * 7 & 0x7f);
}

async function lock(world: World, ways: readonly Way[]): Promise<void> {
  for (const { sender, to } of ways) sender.rtp.send(packet("rtp", { sequence: 0, ssrc: 1 }), to);
  await until("both RTP flows are locked", async () => {
    const { session } = await world.show();
    return session.caller.rtp.latch === "locked" && session.callee.rtp.latch === "locked";
  });
}

function endpoint(text: string): Endpoint {
  const [ip = "", port] = text.split(":");
  const address = parseIpv4(ip);
  assert(address.ok);
  return { address: address.value, port: Number(port) };
}

/** Two bytes with which a datagram between these endpoints has the checksum 0. */
function payloadForZero({ from, to }: { from: Endpoint; to: Endpoint }): Uint8Array {
  const halves = [from.address, to.address].flatMap((
    address,
  ) => [address >>> 16, address & 0xffff]);
  // Protocol and length of the pseudo-header, ports, and the length again.
  let sum = [...halves, 17, 10, from.port, to.port, 10].reduce((one, other) => one + other);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  const word = ~sum & 0xffff;
  return Uint8Array.of(word >>> 8, word & 0xff);
}
