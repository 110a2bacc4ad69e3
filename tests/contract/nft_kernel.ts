import assert from "node:assert/strict";
import { type Endpoint, formatIpv4 } from "../../src/base/ipv4.ts";
import { readSmallFile } from "../../src/base/libc.ts";
import { lockedTo } from "../../src/core/latch.ts";
import { type Flow, OPEN_LATCH, type Session, withLatch } from "../../src/core/session.ts";
import type { NftOptions } from "../../src/nft/backend.ts";
import { type Namespace, RELAY_LINKS } from "../../src/netns/namespaces.ts";
import { type ArrivedPacket, type Checksum, RawUdp } from "../netns/raw_udp.ts";
import { makeNftRig, type NftRig } from "./nft_rig.ts";
import { change, open } from "./relaying.ts";
import {
  CALLEE,
  CALLER,
  FOR_CALLEE,
  FOR_CALLER,
  ledgerOf,
  makeSession,
  numberedSession,
  rtpPacket,
  STRANGER,
  withPort,
} from "./rig.ts";

const LOCKED = withLatch(makeSession(), 0, lockedTo(CALLER.port));

/** One test of the kernel path. */
interface KernelCase {
  readonly name: string;
  readonly options?: Partial<NftOptions>;
  readonly run: (rig: NftRig) => void | Promise<void>;
}

const CASES: readonly KernelCase[] = [
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
  {
    name: "a session whose record does not fit is refused, and its batch goes on",
    run(rig) {
      const [error, fine] = rig.backend.apply([
        { before: [], after: makeSession({ callId: "x".repeat(240) }) },
        { before: [], after: makeSession({ callId: "fits" }) },
      ]);
      assert.deepEqual([error?.kind, fine], ["broken", null]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    },
  },
  {
    name: "a table of another layout is left alone",
    async run(rig) {
      rig.nft("delete", "table", "ip", "lrkproxy");
      rig.nft("add", "table", "ip", "lrkproxy", '{ comment "lrkproxy layout 999"; }');
      await assert.rejects(rig.restart().attach(), /layout 999/);
      assert.match(rig.nft("list", "tables"), /table ip lrkproxy/);
    },
  },
  {
    name: "rules of another version are exchanged, and the calls go on",
    async run(rig) {
      open(rig, makeSession());
      rig.vandalise("rule", makeSession());
      const next = rig.restart();
      assert.deepEqual(await next.attach(), [makeSession()]);
      assert.ok(rig.send({ from: CALLER, to: FOR_CALLER }));
    },
  },
  {
    name: "the guard of the relay's ports is part of what must be intact",
    async run(rig) {
      rig.nft("flush", "set", "ip", "lrkproxy", "relay_ports");
      assert.equal(rig.backend.isIntact([]), false);
      await rig.backend.restore(ledgerOf());
      assert.ok(rig.backend.isIntact([]));
      rig.send({ from: STRANGER, to: FOR_CALLER });
      assert.equal(rig.backend.strangers().length, 1);
    },
  },
  {
    name: "thousands of left-over sessions are taken away",
    options: { maxSessions: 4000 },
    async run(rig) {
      const many = openMany(rig, 3000);
      const session = makeSession();
      open(rig, session);
      await rig.backend.restore(ledgerOf(session));
      assert.deepEqual(await rig.restart().attach(), [session]);
      assert.ok(rig.backend.count(flowOfFirst(many)).every((count) => count === null));
    },
  },
  {
    name: "thousands of ports learned at once are reported once",
    options: { maxSessions: 4000 },
    run(rig) {
      const many = openMany(rig, 3000);
      const elements = many.map(({ a: { remote, local } }) =>
        `${formatIpv4(remote.address)} . ${
          formatIpv4(local.address)
        } . ${local.port} : ${remote.port}`
      );
      rig.nft("add", "element", "ip", "lrkproxy", "learned", `{ ${elements.join(",")} }`);
      assert.equal(rig.backend.takeLearned().length, 3000);
      assert.equal(rig.backend.takeLearned().length, 0);
    },
  },
  {
    name: "thousands of ports locked at once are one change each",
    options: { maxSessions: 4000 },
    run(rig) {
      const many = openMany(rig, 3000);
      const results = rig.backend.apply(many.map((session) => ({
        before: [session],
        after: withLatch(session, 0, lockedTo(41000)),
      })));
      assert.deepEqual(results.filter((error) => error !== null), []);
    },
  },
];

/** What only a kernel can show, beside the contract. */
export function testKernel(): void {
  for (const { name, options = {}, run } of CASES) {
    Deno.test(`nft: ${name}`, async () => {
      await using rig = await makeNftRig(options);
      await run(rig);
    });
  }
}

function openMany(rig: NftRig, count: number): readonly Session[] {
  const many = Array.from({ length: count }, (_, i) => numberedSession(i));
  const results = rig.backend.apply(many.map((after) => ({ before: [], after })));
  assert.deepEqual(results.filter((error) => error !== null), []);
  return many;
}

function flowOfFirst([first = makeSession()]: readonly Session[]): readonly Flow[] {
  const { a } = first;
  const key = { remote: a.remote.address, local: a.local };
  return [{ key, latch: OPEN_LATCH, rewrite: { source: a.local, destination: a.remote } }];
}

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
