import { strict as assert } from "node:assert";
import { endpoint } from "../support/world.ts";
import { CALL } from "./kamailio.ts";
import { readSet, readTable } from "./kernel.ts";
import { MediaSocket, packet } from "./media.ts";
import { until } from "./until.ts";
import { converse, openWorld, untilLocked, type World } from "./world.ts";

/*
 * Datagrams larger than a link come in fragments, of which only the first one shows ports. In the others the relay's
 * rules must not take what is said there for ports.
 */

/** How much of a datagram's payload the first fragment and each later one hold on a link of 1,500 bytes. */
const FIRST = 1472;
const LATER = 1480;
const LONG = 3000;

/** What SIP is written in, each of which makes another port of two: from 0x2020, 8224, to 0x7e7e, 32382. */
const PRINTABLE = Array.from({ length: 0x7e - 0x20 + 1 }, (_, i) => String.fromCharCode(0x20 + i));

/** A payload of three fragments that says the same all along. */
function textOf(character: string): Uint8Array {
  return new TextEncoder().encode(character.repeat(LONG));
}

/** A payload whose later fragments look like RTP between these endpoints. */
function disguised(from: string, to: string): Uint8Array {
  const payload = new Uint8Array(FIRST + LATER + 200);
  const view = new DataView(payload.buffer);
  for (const at of [FIRST, FIRST + LATER]) {
    view.setUint16(at, endpoint(from).port);
    view.setUint16(at + 2, endpoint(to).port);
    view.setUint16(at + 4, 180);
    payload.set(packet("rtp", { sequence: at, ssrc: 5 }), at + 8);
  }
  return payload;
}

/** Send a payload, and see that it arrives as it is, from whom has sent it. */
async function expectWhole(
  what: string,
  { from, to, payload }: { from: MediaSocket; to: MediaSocket; payload: Uint8Array },
): Promise<void> {
  const before = to.heard.length;
  from.send(payload, to.at);
  const arrived = await until(`${what} arrives at ${to.at}`, () => to.heard[before]);
  assert.deepEqual(arrived.bytes, payload, what);
  assert.equal(arrived.from, from.at, what);
}

/** Programs that speak of something else than media: one at each party, and at each side of the relay. */
function openPrograms(world: World) {
  const program = (place: "caller" | "relay" | "callee", address: string): MediaSocket =>
    world.use(new MediaSocket(world.net[place], address, 5060));
  return {
    caller: program("caller", "10.10.1.10"),
    callee: program("callee", "192.0.2.20"),
    inside: program("relay", "10.10.1.1"),
    outside: program("relay", "192.0.2.1"),
  };
}

Deno.test("long datagrams to and through the relay machine arrive, whatever their text", async () => {
  await using world = await openWorld();
  const { caller, callee, inside, outside } = openPrograms(world);
  const ways = [[caller, inside], [callee, outside], [caller, callee], [callee, caller]] as const;
  for (const character of PRINTABLE) {
    for (const [from, to] of ways) {
      await expectWhole(`"${character}" in fragments`, { from, to, payload: textOf(character) });
    }
  }
  assert.deepEqual(await readSet(world.relay, "strangers"), []);
});

Deno.test("fragments that look like a call's packets go on unchanged, and are no part of it", async () => {
  await using world = await openWorld();
  const { caller, callee, inside, outside } = openPrograms(world);
  const expectAllWhole = async (flow: string): Promise<void> => {
    for (
      const [from, to, payload] of [
        [caller, inside, disguised(CALL.src, CALL.snat)],
        [callee, outside, disguised(CALL.dnat, CALL.dst)],
        [caller, callee, disguised(CALL.src, CALL.snat)],
      ] as const
    ) await expectWhole(`what looks like ${flow}`, { from, to, payload });
  };
  await expectAllWhole("a stranger's packet");
  await world.kamailio.open(CALL);
  await expectAllWhole("an open flow's");
  const table = await readTable(world.relay);
  assert.deepEqual([table.get("legs"), table.get("learned")], [[], []]);
  assert.deepEqual(table.get("open")?.map(({ packets }) => packets), [0, 0, 0, 0]);
  const parties = await converse(world.caller(6000), world.callee(7000));
  await untilLocked(world);
  await expectAllWhole("a locked flow's");
  await world.kamailio.open({ ...CALL, dnat: "0.0.0.0:7000" });
  await expectAllWhole("a held flow's");
  for (const { rtp } of [parties.caller, parties.callee]) {
    assert.deepEqual(rtp.heard.filter(({ ssrc }) => ssrc === 5), []);
  }
});
