import assert from "node:assert/strict";
import { type Endpoint, formatIpv4 } from "../../src/base/ipv4.ts";
import { readSmallFile } from "../../src/base/libc.ts";
import { lockedTo } from "../../src/core/latch.ts";
import { withLatch } from "../../src/core/session.ts";
import { type Namespace, RELAY_LINKS } from "../../src/netns/namespaces.ts";
import { type ArrivedPacket, type Checksum, RawUdp } from "../netns/raw_udp.ts";
import type { KernelCase } from "./nft_rig.ts";
import { change, open } from "./relaying.ts";
import {
  CALLEE,
  CALLER,
  FOR_CALLEE,
  FOR_CALLER,
  makeSession,
  rtpPacket,
  STRANGER,
  withPort,
} from "./rig.ts";

const LOCKED = withLatch(makeSession(), 0, lockedTo(CALLER.port));

/** What becomes of real packets. */
export const PACKETS: readonly KernelCase[] = [
  {
    name: "UDP checksums stay right, and none stays none",
    run(rig) {
      for (const session of [makeSession(), LOCKED]) {
        open(rig, session);
        for (const payload of [rtpPacket(), new Uint8Array(), Uint8Array.of(7), randomRtp(1001)]) {
          for (const checksum of ["valid", "none"] as const) {
            const [arrived, ...more] = rig.watch(
              { from: CALLER, to: FOR_CALLER, payload },
              checksum,
            );
            assert.deepEqual(arrived, { from: FOR_CALLEE, to: CALLEE, payload, checksum });
            assert.deepEqual(more, []);
          }
        }
        change(rig, [session], null);
      }
    },
  },
  {
    name: "a UDP checksum that comes out as 0 is sent as 0xffff",
    run(rig) {
      open(rig, LOCKED);
      const payload = rtpPacket().slice(0, 12);
      const bare = sumOf({ from: FOR_CALLEE, to: CALLEE, payload });
      new DataView(payload.buffer).setUint16(2, 0xffff - bare);
      assert.equal(sumOf({ from: FOR_CALLEE, to: CALLEE, payload }), 0xffff);
      const [arrived] = rig.watch({ from: CALLER, to: FOR_CALLER, payload }, "valid");
      assert.equal(arrived?.checksum, "valid");
    },
  },
  {
    name: "a UDP checksum that the sender leaves to its network card comes out right",
    async run(rig) {
      for (const session of [makeSession(), LOCKED]) {
        open(rig, session);
        using caller = bind(rig.caller, CALLER);
        using callee = new RawUdp(rig.callee);
        const arrive = async (): Promise<Checksum | undefined> => {
          await caller.send(randomRtp(101), socketAddress(FOR_CALLER));
          const isFirst = ({ to }: ArrivedPacket): boolean => to.port === CALLEE.port;
          let found: ArrivedPacket | undefined;
          callee.receiveUntil((packet) => isFirst(found = packet));
          return found?.checksum;
        };
        rig.relay.command("ethtool", "-K", RELAY_LINKS[1], "tx", "on");
        assert.equal(await arrive(), "wrong", "no card has finished it");
        rig.relay.command("ethtool", "-K", RELAY_LINKS[1], "tx", "off");
        assert.equal(await arrive(), "valid");
        change(rig, [session], null);
      }
    },
  },
  {
    name: "two programs with UDP sockets talk through the relay",
    async run(rig) {
      open(rig, makeSession());
      using caller = bind(rig.caller, CALLER);
      using callee = bind(rig.callee, CALLEE);
      await caller.send(rtpPacket(1), socketAddress(FOR_CALLER));
      const [there, relayedFrom] = await callee.receive();
      await callee.send(rtpPacket(2), relayedFrom);
      const [back, answeredFrom] = await caller.receive();
      assert.deepEqual([there, back], [rtpPacket(1), rtpPacket(2)]);
      assert.deepEqual([relayedFrom, answeredFrom].map((from) => ({ ...from })), [
        socketAddress(FOR_CALLEE),
        socketAddress(FOR_CALLER),
      ]);
    },
  },
  {
    name: "a refused packet is not answered with an ICMP error",
    run(rig) {
      open(rig, makeSession());
      rig.send({ from: STRANGER, to: FOR_CALLER });
      rig.send({ from: CALLER, to: withPort(FOR_CALLER, 20800) });
      assert.equal(icmpErrors(rig.relay), 0);
      rig.send({ from: CALLER, to: withPort(FOR_CALLER, 9999) });
      assert.equal(icmpErrors(rig.relay), 1, "other ports are none of our business");
    },
  },
];

function randomRtp(length: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  bytes[0] = 0x80;
  return bytes;
}

/** The folded one's-complement sum of what a UDP checksum is made over; the checksum is its complement. */
function sumOf(packet: { from: Endpoint; to: Endpoint; payload: Uint8Array }): number {
  const { from, to, payload } = packet;
  const words = [from.address, to.address].flatMap((address) => [address >>> 16, address & 0xffff]);
  const length = 8 + payload.length;
  let sum = [...words, 17, length, from.port, to.port, length].reduce(
    (total, word) => total + word,
    0,
  );
  payload.forEach((byte, i) => sum += i % 2 === 0 ? byte << 8 : byte);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function bind(namespace: Namespace, { address, port }: Endpoint): Deno.DatagramConn & Disposable {
  const options = { transport: "udp", hostname: formatIpv4(address), port } as const;
  const socket = namespace.run(() => Deno.listenDatagram(options));
  return Object.assign(socket, { [Symbol.dispose]: () => socket.close() });
}

function socketAddress({ address, port }: Endpoint): Deno.NetAddr {
  return { transport: "udp", hostname: formatIpv4(address), port };
}

/** How many "destination unreachable" the namespace has sent. */
function icmpErrors(namespace: Namespace): number {
  const text = namespace.run(() => readSmallFile("/proc/thread-self/net/snmp")) ?? "";
  const [names = [], values = []] = text.split("\n").filter((line) => line.startsWith("Icmp:"))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf("OutDestUnreachs")]);
}
